import Foundation
import PawlAPI
import PawlJOSE
import Testing

/// Every secret that a run has made, to be looked for in what it has left behind.
struct MadeSecrets: Sendable {
    private var all: [[UInt8]]

    init(master: [UInt8]) { all = [master] }

    mutating func keep(_ text: String) { all.append([UInt8](text.utf8)) }

    mutating func keep(_ tokens: TokenResponse) {
        keep(tokens.accessToken)
        let token = tokens.refreshToken ?? ""
        keep(token)
        all.append(Array((Base64URL.decode(token.utf8.dropFirst(4)) ?? [])[27..<59]))  // the secret inside
    }

    func expectNone(in file: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let text = String(decoding: file, as: Unicode.ASCII.self).lowercased()
        #expect(!text.contains("$argon2"), sourceLocation: sourceLocation)
        for secret in all {
            let data = Data(secret)
            #expect(Data(file).range(of: data) == nil, sourceLocation: sourceLocation)
            #expect(!text.contains(secret.map { String(format: "%02x", $0) }.joined()), sourceLocation: sourceLocation)
            // Any alignment of base64: the middle of the text, without the ends that depend on the neighbours.
            let base64 = data.base64EncodedString().dropLast(4)
            #expect(!text.contains(base64.lowercased()), sourceLocation: sourceLocation)
        }
    }
}
