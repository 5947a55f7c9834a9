import Crypto
import HTTPTypes
import Hummingbird
import PawlJOSE

/// Something that stays the same while the server runs, with a strong `ETag`: browsers ask each time, and get it only
/// when it has changed (RFC 9110 §8.8.3).
struct StaticFile: Sendable {
    private let headers: HTTPFields
    private let content: ByteBuffer
    private let entityTag: String

    init(_ content: [UInt8], type: String, headers: HTTPFields = [:]) {
        entityTag = "\"\(Base64URL.encode(Array(SHA256.hash(data: content))))\""
        self.content = ByteBuffer(bytes: content)
        self.headers =
            HTTPFields([
                HTTPField(name: .contentType, value: type), HTTPField(name: .eTag, value: entityTag),
                HTTPField(name: .cacheControl, value: "no-cache"),
            ]) + headers
    }

    func response(to request: Request) -> Response {
        let known = request.headers[values: .ifNoneMatch].flatMap { $0.split(separator: ",") }
            .map { $0.trimmingPrefix(" ") }
        guard !known.contains(where: { $0 == entityTag || $0 == "W/\(entityTag)" || $0 == "*" }) else {
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: content))
    }
}
