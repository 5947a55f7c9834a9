import PawlCore
import PawlTesting
import Testing

@Suite("The store in memory", .tags(.p4, .p5, .p6, .p9, .p11))
struct MemoryStoreTests {
    @Test(arguments: StoreConformance.all)
    func conforms(check: StoreConformance.Check) async throws {
        try await check.run(on: MemoryStore())
    }
}
