import PawlAPI
import PawlJOSE

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// ``JSONText``: takes exactly the plain objects, and a body says what its text says.
enum JSONBodyFuzz {
    private typealias Check = @Sendable (_ bytes: [UInt8], _ judged: JSONValue?) -> String?
    private static let checks: [Check] = [
        check(SignInRequest.self), check(RefreshRequest.self), check(ReauthenticateRequest.self),
        check(PasswordChangeRequest.self), check(RenameRequest.self), check(NewUserRequest.self),
        check(UserChangeRequest.self), check(RecoveryRequest.self),
    ]

    static func fault(mode: UInt8, with input: ArraySlice<UInt8>) -> String? {
        let bytes = [UInt8](input)
        let judged = JSONJudge.plainObject(bytes)
        guard JSONText.isPlainObject(bytes) == (judged != nil) else {
            return judged == nil ? "what is no plain object is taken" : "a plain object is refused"
        }
        if let text = JSONText.onlyString("refresh_token", in: bytes) {
            guard case .object(let members)? = judged, members.count == 1, judged?["refresh_token"]?.text == text else {
                return "\(text) is read of what is no object with that string alone"
            }
        }
        return checks[Int(mode) % checks.count](bytes, judged)
    }

    private static func check<Body: Codable & Sendable>(_ type: Body.Type) -> Check {
        { bytes, judged in
            guard let body = try? JSONText.decode(type, from: bytes) else { return nil }  // of another shape
            guard let judged else { return "\(type) is made of what is no plain object" }
            // What was decoded must encode, to a plain object: a failure is the finding.
            guard let encoded = try? JSONEncoder().encode(body),
                case .object(let members)? = JSONJudge.plainObject([UInt8](encoded))
            else { return "\(type) does not encode" }
            for member in members {
                let name = String(decoding: member.name, as: UTF8.self)
                guard judged[name] == member.value else { return "\(type).\(name) is not what the text says" }
            }
            return nil
        }
    }
}
