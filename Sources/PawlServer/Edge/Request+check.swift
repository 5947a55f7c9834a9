import Hummingbird
import PawlAPI
import PawlCore

extension Request {
    /// Refuses a head that no route accepts.
    func check(longestHead: Int) throws {
        // RFC 9112 §3.2: exactly one Host. The codec makes the first the authority and leaves a second one here.
        guard let authority = head.authority, headers[.host] == nil, isHost(authority) else {
            throw ProblemError.invalidRequest("Send one Host field, with a name or an address and perhaps a port.")
        }
        // A proxy may apply different rules to different spellings of a path.
        guard isPlainPath(uri.path) else { throw ProblemError.notFound }
        let size = headers.reduce((head.path ?? "").utf8.count) {
            $0 + $1.name.rawName.utf8.count + $1.value.utf8.count
        }
        guard size <= longestHead else {
            throw ProblemError(
                .requestHeaderFieldsTooLarge, .headerFieldsTooLarge,
                """
                The header fields of this request have more than \(longestHead) bytes. If a browser sent it, delete the \
                cookies of this site.
                """)
        }
    }
}

/// Whether a `Host` field is valid: a name or an address, and perhaps a port (RFC 9110 §7.2).
func isHost(_ text: String) -> Bool {
    func isPort(_ text: Substring.UTF8View) -> Bool {
        text.isEmpty || text.first == UInt8(ascii: ":") && text.count <= 6 && text.dropFirst().allSatisfy(\.isDigit)
    }
    let bytes = text[...].utf8
    if bytes.first == UInt8(ascii: "[") {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
        let address = bytes[..<end].dropFirst()
        return IPNetwork.isAddress(String(Substring(address))) && address.contains(UInt8(ascii: ":"))
            && isPort(bytes[end...].dropFirst())
    }
    let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
    return end != bytes.startIndex && bytes[..<end].allSatisfy(\.isInName) && isPort(bytes[end...])
}

/// Whether a path is ASCII, as it is sent, and has no empty segment. The router ignores those: `//auth/login`,
/// `/auth/login/`.
func isPlainPath(_ path: String) -> Bool {
    let bytes = path.utf8
    guard bytes.count > 1 else { return path == "/" }
    let slash = UInt8(ascii: "/")
    return bytes.last != slash && bytes.allSatisfy { $0 < 0x80 }
        && !zip(bytes, bytes.dropFirst()).contains { $0 == slash && $1 == slash }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
    /// The characters of host names, and a few more. RFC 3986 also allows commas and the like; they are refused, because
    /// one reader would see two hosts where another sees one.
    fileprivate var isInName: Bool {
        isDigit || UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 || "-._~%".utf8.contains(self)
    }
}
