/// What reads bytes from strangers before it knows them. One entry point for libFuzzer (`make fuzz`) and for the tests.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case refreshToken = "refresh-token"
    case accessToken = "access-token"
    case jsonBody = "json-body"

    /// The longest input worth trying: what is longer is refused by its length.
    package var longestInput: Int {
        switch self {
        case .refreshToken: 160
        case .accessToken: 1024
        case .jsonBody: 512
        }
    }

    /// What the code under test does wrong with `input`, or nil. The first byte of an input chooses how it is dressed,
    /// so that it also reaches what lies behind a tag or a signature, which no mutation ever gets right.
    package func fault(with input: [UInt8]) throws -> String? {
        guard let mode = input.first else { return nil }
        return switch self {
        case .refreshToken: try Self.refreshTokens.get().fault(mode: mode, with: input.dropFirst())
        case .accessToken: try Self.accessTokens.get().fault(mode: mode, with: input.dropFirst())
        case .jsonBody: JSONBodyFuzz.fault(mode: mode, with: input.dropFirst())
        }
    }

    private static let refreshTokens = Result { try RefreshTokenFuzz() }
    private static let accessTokens = Result { try AccessTokenFuzz() }
}

/// What the fuzzing starts from cannot be made.
struct NoSubject: Error {}

/// `text` with some characters overwritten: each three bytes of `edits` are a place and what to put there.
func edited(_ text: String, by edits: ArraySlice<UInt8>) -> String {
    var characters = [UInt8](text.utf8)
    var edits = edits
    while edits.count >= 3 {
        let edit = [UInt8](edits.prefix(3))
        edits = edits.dropFirst(3)
        characters[(Int(edit[0]) << 8 | Int(edit[1])) % characters.count] = edit[2]
    }
    return String(decoding: characters, as: UTF8.self)
}

/// Not `==`, which takes different spellings of one character for the same.
func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
