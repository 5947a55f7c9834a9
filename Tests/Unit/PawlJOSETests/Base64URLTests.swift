import Foundation
import PawlJOSE
import PawlTesting
import Testing

@Suite("Base64url", .tags(.p12))
struct Base64URLTests {
    @Test(
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ])
    func `base64url has RFC 4648's test vectors, without padding`(text: String, encoded: String) {
        #expect(Base64URL.encode(Array(text.utf8)) == encoded)
        #expect(Base64URL.decode(encoded.utf8) == Array(text.utf8))
    }

    @Test func `base64url agrees with Foundation on all bytes`() {
        for count in 0..<256 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            let foundation = Data(bytes).base64EncodedString()
                .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            #expect(Base64URL.encode(bytes) == foundation)
            #expect(Base64URL.decode(foundation.utf8) == bytes)
        }
    }

    @Test(
        arguments: [
            "Zg==", "Zg=", "Zm8=", "Z", "Zm9vY", "Zm 9v", " Zm9v", "Zm9v ", "Zm9v\n", "Zm+v", "Zm/v", "Zm.v", "Zmév",
            "Zm\0v",
        ])
    func `base64url takes nothing but its alphabet`(text: String) { #expect(Base64URL.decode(text.utf8) == nil) }

    @Test func `base64url has one spelling for each sequence of bytes`() {
        // Bits beyond the last byte must be zero: of 64 last characters, 4 or 16 are canonical.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        #expect(alphabet.count { Base64URL.decode("A\($0)".utf8) != nil } == 4)
        #expect(alphabet.count { Base64URL.decode("AA\($0)".utf8) != nil } == 16)
        #expect(alphabet.count { Base64URL.decode("AAA\($0)".utf8) != nil } == 64)
    }
}
