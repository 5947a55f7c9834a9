import Foundation
import PawlAPI

/// The users that a measurement makes for itself: NAME-0, NAME-1, …
struct BenchUsers: Sendable {
    let name: String
    let count: Int
    /// Whether they may be there already.
    let mayExist: Bool

    /// Known to everybody, so that a later run can use the same users again.
    static let password = "ratchets turn one way only"

    /// How many sign-ins of one user are under way at once. The server looks at one password of a user after another,
    /// so more would only wait.
    static let atOnce = 2

    init(named name: String?, count: Int) {
        let letters = (0..<6).map { _ in "abcdefghijkmnpqrstuvwxyz23456789".randomElement() ?? "x" }
        self.name = name ?? "bench-" + String(letters)
        self.count = count
        mayExist = name != nil
    }

    func identifier(_ user: Int) -> String { "\(name)-\(user)" }

    /// A sign-in or a registration.
    func request(_ path: String, _ user: Int, target: BenchTarget) -> [UInt8] {
        // Neither needs escaping.
        let body = #"{"identifier":"\#(identifier(user))","password":"\#(Self.password)","device":"pawl bench"}"#
        return [UInt8]((target.head(posting: body.utf8.count, to: path) + "\r\n" + body).utf8)
    }
}
