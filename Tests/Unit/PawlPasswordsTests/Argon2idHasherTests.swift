import PawlCore
import PawlPasswords
import PawlTesting
import Testing

@Suite("Argon2id", .timeLimit(.minutes(2)))
struct Argon2idHasherTests {
    /// The least that libsodium takes, for tests that are not about the cost.
    private static let cheap = Argon2idHasher.Parameters(memory: 8, passes: 1)

    @Test func `the hasher makes PHC strings with OWASP's parameters, a fresh salt each`() async throws {
        let hasher = Argon2idHasher()
        let password = try Password("correct horse battery staple").orThrow()
        let (one, two) = (try await hasher.hash(password), try await hasher.hash(password))
        #expect(one.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(one != two)
        #expect(try await hasher.verify(password, against: one))
        #expect(try await hasher.verify(try Password("correct horse battery stapl").orThrow(), against: one) == false)
        #expect(!hasher.isOutdated(one))
    }

    @Test func `looks at every byte of the longest password`() async throws {
        let hasher = Argon2idHasher(parameters: Self.cheap)
        let text = String(repeating: "a", count: 1023)
        let phc = try await hasher.hash(try Password(text + "b").orThrow())
        #expect(try await hasher.verify(try Password(text + "b").orThrow(), against: phc))
        #expect(try await hasher.verify(try Password(text + "c").orThrow(), against: phc) == false)
        let null = try await hasher.hash(try Password("null\0then more").orThrow())
        #expect(try await hasher.verify(try Password("null\0then else").orThrow(), against: null) == false)
    }

    @Test(
        .tags(.p12),
        arguments: [
            "", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$10$abcdefghijklmnopqrstuv", "plain",
            String(repeating: "$", count: 500),
        ])
    func `the hasher takes no string for a match that is none`(phc: String) async throws {
        let hasher = Argon2idHasher(parameters: Self.cheap)
        #expect(try await hasher.verify(try Password("plain").orThrow(), against: phc) == false)
    }

    @Test(
        arguments: [
            (Argon2idHasher.Parameters(memory: 8, passes: 1), false), (.init(memory: 16, passes: 1), true),
            (.init(memory: 8, passes: 2), true),
        ])
    func `the hasher knows what was made with other parameters`(now: Argon2idHasher.Parameters, isOutdated: Bool)
        async throws
    {
        let phc = try await Argon2idHasher(parameters: Self.cheap).hash(try Password("something").orThrow())
        #expect(Argon2idHasher(parameters: now).isOutdated(phc) == isOutdated)
        #expect(Argon2idHasher(parameters: now).isOutdated("garbage"))
    }

    @Test(.tags(.p10)) func `the hasher turns away what it cannot hash soon, and answers what it let in`() async throws
    {
        let hasher = Argon2idHasher(parameters: .init(memory: 64 * 1024, passes: 4), workers: 1, capacity: 1)
        let password = try Password("correct horse battery staple").orThrow()
        let answers = await withTaskGroup(of: Result<String, any Error>.self) { group in
            for _ in 1...20 {
                group.addTask {
                    do { return .success(try await hasher.hash(password)) } catch { return .failure(error) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var (made, turnedAway) = (0, 0)
        for answer in answers {
            switch answer {
            case .success: made += 1
            case .failure(let error):
                #expect((error as? PasswordHasherBusy)?.retryAfter == 1)
                turnedAway += 1
            }
        }
        #expect(made >= 1 && turnedAway >= 1 && made + turnedAway == 20)
        #expect(!hasher.isFull)
    }

    @Test(.tags(.p10)) func `a hasher without room turns everything away`() async throws {
        let hasher = Argon2idHasher(parameters: Self.cheap, capacity: 0)
        let password = try Password("correct horse battery staple").orThrow()
        #expect(hasher.isFull)
        await #expect(throws: PasswordHasherBusy.self) { try await hasher.hash(password) }
        await #expect(throws: PasswordHasherBusy.self) { try await hasher.verify(password, against: "") }
    }
}
