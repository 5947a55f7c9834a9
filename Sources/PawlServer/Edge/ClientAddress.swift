import HTTPTypes
import PawlCore

/// The client's address: the peer's, or what trusted proxies say of it. Each proxy appends its own peer to
/// `X-Forwarded-For`, so the list is read from its end for as long as whoever speaks is trusted; anything further left
/// is the client's own invention.
func clientAddress(peer: String?, headers: HTTPFields, trusted: [IPNetwork]) -> String {
    guard var address = peer else { return "" }
    var forwarded = headers[values: .forwardedFor].flatMap { $0.split(separator: ",") }[...]
    while trusted.contains(where: { $0.contains(address) }), let last = forwarded.popLast() {
        let candidate = String(last.trimmingPrefix { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        guard IPNetwork.isAddress(candidate) else { break }
        address = candidate
    }
    return address
}
