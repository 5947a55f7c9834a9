import NIOCore
import PawlAPI
import PawlCore
import PawlJOSE

/// A refresh's request, all but the token and the attempt made beforehand.
struct RefreshRequestBytes {
    private let head: [UInt8]
    private let opening: [UInt8]
    private let closing: [UInt8]
    private static let attemptHeader = [UInt8]("\(PawlHeader.attempt): ".utf8)

    init(target: BenchTarget) {
        let (opening, closing) = (#"{"refresh_token":""#, #""}"#)
        let length = opening.utf8.count + SessionTokens.length + closing.utf8.count
        head = [UInt8](target.head(posting: length, to: PawlPath.refresh).utf8)
        self.opening = [UInt8]("\r\n\(opening)".utf8)
        self.closing = [UInt8](closing.utf8)
    }

    func write(_ token: ArraySlice<UInt8>, attempt: [UInt8]?, into request: inout ByteBuffer) {
        request.writeBytes(head)
        if let attempt {
            request.writeBytes(Self.attemptHeader)
            request.writeBytes(attempt)
            request.writeStaticString("\r\n")
        }
        request.writeBytes(opening)
        request.writeBytes(token)
        request.writeBytes(closing)
    }

    /// A new name.
    static func attempt() -> [UInt8] {
        var name: [UInt8] = []
        Base64URL.encode(Randomness.system.bytes(16), into: &name)
        return name
    }
}
