import HTTPTypes
import PawlCore

/// The address of a client: the peer's address, or the one that trusted proxies report.
///
/// Each proxy adds its own peer at the end of `X-Forwarded-For` or `Forwarded` (RFC 7239). So a list is read from its end
/// while the reporting proxy is trusted; the client may have invented everything before that. If both fields are there,
/// they must lead to the same address, because a proxy that writes one of them may pass on the other as the client sent it.
struct ClientAddress: Equatable {
    /// As ``IPNetwork/canonical(_:)`` spells it; empty if the peer has no address.
    let text: String
    /// Why `text` is the address of a proxy although the proxy sent a field; nil if there was no fault.
    let fault: Fault?

    enum Fault: String {
        /// The proxy named no address that can be read.
        case unreadable
        /// `X-Forwarded-For` and `Forwarded` lead to different addresses.
        case contradiction
    }

    init(peer: String?, headers: HTTPFields, trusted: [IPNetwork]) {
        var peer = peer ?? ""
        if peer.hasPrefix("::ffff:") { peer = IPNetwork.canonical(peer) ?? peer }  // other peers are spelled right
        guard trusted.contains(where: { $0.contains(peer) }) else {
            self.init(peer, nil)
            return
        }
        let readings = [
            Self.forwardedFor(in: headers[values: .forwardedFor]),
            ForwardedField.nodes(in: headers[values: .forwarded]),
        ].filter { !$0.isEmpty }.map { Self.follow($0, from: peer, trusted: trusted) }
        guard let first = readings.first else {
            self.init(peer, nil)
            return
        }
        self = readings.allSatisfy { $0.text == first.text } ? first : Self(peer, .contradiction)
    }

    private init(_ text: String, _ fault: Fault?) {
        self.text = text
        self.fault = fault
    }

    private static func follow(_ nodes: [ForwardedNode], from peer: String, trusted: [IPNetwork]) -> Self {
        var address = peer
        for node in nodes.reversed() where trusted.contains(where: { $0.contains(address) }) {
            guard let next = node.address else { return Self(address, .unreadable) }
            address = next
        }
        return Self(address, nil)
    }

    private static func forwardedFor(in values: [String]) -> [ForwardedNode] {
        // By bytes: for a `Character`, a mark before a comma hides it.
        values.flatMap { $0.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) }
            .map { ForwardedNode(Substring($0.trimming { $0 == 0x20 || $0 == 0x09 }), canBeBare: true) }
            .filter { !$0.text.isEmpty }
    }
}

/// One hop, as a proxy writes it.
struct ForwardedNode: Equatable {
    let text: Substring
    /// Whether an IPv6 address may stand without brackets, and with a zone.
    let canBeBare: Bool

    init(_ text: Substring, canBeBare: Bool) {
        self.text = text
        self.canBeBare = canBeBare
    }

    /// The address in `203.0.113.7`, `203.0.113.7:51234`, `[2001:db8::7]`, `[2001:db8::7]:443` or `2001:db8::7`. Nil for
    /// `unknown`, for obfuscated identifiers such as `_hidden`, and for anything else (RFC 7239 §6).
    var address: String? {
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]"), Self.isPort(text[text.index(after: end)...]) else { return nil }
            return ipv6(text[text.index(after: text.startIndex)..<end])
        }
        guard let colon = text.firstIndex(of: ":") else { return IPNetwork.canonical(String(text)) }
        if Self.isPort(text[colon...]) { return IPNetwork.canonical(String(text[..<colon])) }
        return canBeBare ? ipv6(text) : nil
    }

    private func ipv6(_ text: Substring) -> String? {
        guard text.contains(":") else { return nil }
        let zone = canBeBare ? text.firstIndex(of: "%") : nil  // a network interface of the proxy
        return IPNetwork.canonical(String(text[..<(zone ?? text.endIndex)]))
    }

    /// Nothing, `:443`, or `:_name` for an obfuscated port.
    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || text.wholeMatch(of: /:([0-9]{1,5}|_[A-Za-z0-9._\-]+)/) != nil
    }
}

/// The field `Forwarded` (RFC 7239 §4), read strictly and from its end: a client may have written whatever comes before the
/// element of the first proxy, also a quote that is never closed.
enum ForwardedField {
    /// Bytes of the longest element that is read.
    private static let longest = 512
    private static let comma = UInt8(ascii: ",")

    /// The value of `for` of each hop, in order. A hop without `for` is one node without an address, and so is all that
    /// comes before the last element that is well-formed.
    static func nodes(in values: [String]) -> [ForwardedNode] {
        values.flatMap { value -> [ForwardedNode] in
            let bytes = Array(value.utf8)
            var (end, nodes) = (bytes.endIndex, [ForwardedNode]())
            while true {
                guard let (element, start) = lastElement(of: bytes[..<end]) else {
                    return [ForwardedNode("", canBeBare: false)] + nodes.reversed()
                }
                // Empty elements of the list are ignored (RFC 9110 §5.6.1.2).
                if !element.isEmpty { nodes.append(ForwardedNode(element["for"] ?? "", canBeBare: false)) }
                guard start > bytes.startIndex else { return nodes.reversed() }
                end = start - 1  // the comma
            }
        }
    }

    /// The shortest well-formed element at the end, and where it starts; nil if there is none.
    private static func lastElement(of bytes: ArraySlice<UInt8>) -> (element: [String: Substring], start: Int)? {
        var start = bytes.endIndex
        repeat {
            start = bytes[..<start].lastIndex(of: comma) ?? bytes.startIndex - 1
            var scanner = Scanner(rest: bytes[(start + 1)...])
            if let element = scanner.element() { return (element, start + 1) }
        } while start >= bytes.startIndex && bytes.endIndex - start <= longest
        return nil
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        /// The pairs in `for=192.0.2.60;proto=http`, by names in lower case; nil if this is not well-formed, or a name
        /// occurs twice.
        mutating func element() -> [String: Substring]? {
            var pairs: [String: Substring] = [:]
            repeat {
                skipSpace()
                let name = token()
                guard !name.isEmpty else { continue }
                guard take("="), let value = quoted() ?? nonEmpty(token()),
                    pairs.updateValue(value, forKey: name.lowercased()) == nil
                else { return nil }
                skipSpace()
            } while take(";")
            return rest.isEmpty ? pairs : nil
        }

        private mutating func quoted() -> Substring? {
            guard rest.first == UInt8(ascii: "\"") else { return nil }
            var text: [UInt8] = []
            var remaining = rest.dropFirst()
            while let byte = remaining.popFirst() {
                switch byte {
                case UInt8(ascii: "\""):
                    rest = remaining
                    return Substring(decoding: text, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = remaining.popFirst() else { return nil }
                    text.append(escaped)
                default: text.append(byte)
                }
            }
            return nil
        }

        private mutating func token() -> Substring {
            let token = rest.prefix { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
            rest = rest[token.endIndex...]
            return Substring(decoding: token, as: UTF8.self)
        }

        private func nonEmpty(_ text: Substring) -> Substring? { text.isEmpty ? nil : text }

        private mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }
    }
}

extension Substring.UTF8View {
    fileprivate func trimming(_ isTrimmed: (UInt8) -> Bool) -> Self {
        var result = drop(while: isTrimmed)
        while let last = result.last, isTrimmed(last) { result.removeLast() }
        return result
    }
}
