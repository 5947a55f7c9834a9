import NIOCore
import NIOHTTP1

/// What the lanes of a driver are to do. It is asked and told on the driver's one event loop, so it may keep state
/// without locks.
protocol Workload: AnyObject, SendableMetatype {
    /// Whether the answers are to GET or to POST.
    var method: HTTPMethod { get }

    /// Writes the lane's next request, all its bytes, or says why there is none.
    func next(on lane: Int, into request: inout ByteBuffer) -> Step

    /// Looks at the answer to the lane's request.
    func judge(_ answer: Answer, on lane: Int) -> Verdict

    /// The lane's request got no answer: nobody knows whether it was carried out.
    func abandon(on lane: Int)
}

enum Step {
    case send
    /// There is nothing to send yet.
    case wait(TimeAmount)
    /// There will be nothing to send any more.
    case finish
}

enum Verdict {
    case good
    /// - Parameter fault: what to count it under.
    case bad(fault: String)

    static func status(of answer: Answer) -> Self { .bad(fault: String(answer.status)) }
}

/// An answer with no more of it decoded than a driver needs.
struct Answer {
    var status: UInt = 0
    /// Only read where there is an error.
    var retryAfter: TimeAmount?
    var body = ByteBuffer()

    static let refreshToken = [UInt8](#""refresh_token":""#.utf8)
    private static let code = [UInt8](#""code":""#.utf8)

    /// The refresh token, if it looks like one.
    var refreshToken: ByteBuffer? { text(after: Self.refreshToken).flatMap { SessionTokens.isToken($0) ? $0 : nil } }

    /// The problem's code, if it looks like one: it is printed.
    var code: String? {
        guard let code = text(after: Self.code).map(String.init(buffer:)),
            code.wholeMatch(of: /[a-z0-9_]{1,64}/) != nil
        else { return nil }
        return code
    }

    /// The string behind the bytes `"name":"`. Searching costs a tenth of decoding; what is looked for has no escapes.
    private func text(after needle: [UInt8]) -> ByteBuffer? {
        let bytes = body.readableBytesUInt8Span
        var start = 0
        while start + needle.count <= bytes.count {
            var length = 0
            while length < needle.count, bytes[start + length] == needle[length] { length += 1 }
            guard length == needle.count else {
                start += 1
                continue
            }
            let begin = start + length
            var end = begin
            while end < bytes.count, bytes[end] != UInt8(ascii: "\"") { end += 1 }
            return end < bytes.count ? body.getSlice(at: body.readerIndex + begin, length: end - begin) : nil
        }
        return nil
    }
}
