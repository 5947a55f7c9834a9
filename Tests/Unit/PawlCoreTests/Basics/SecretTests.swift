import Crypto
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Secret", .tags(.p3))
struct SecretTests {
    private struct Holder { let secret: Secret }

    @Test func `a secret never prints`() {
        let secret = Secret("hunter2".utf8)
        var dumped = ""
        dump(Holder(secret: secret), to: &dumped)
        let prints = [
            "\(secret)", String(reflecting: secret), "\(Holder(secret: secret))", "\([secret])",
            String(describing: Optional(secret)), dumped,
        ]
        let bytes = Array("hunter2".utf8)
        for print in prints {
            #expect(print.contains("‹redacted›"))
            #expect(!print.contains("hunter2") && !print.contains("\(bytes[0]), \(bytes[1])"))
        }
    }

    @Test(arguments: [
        ([], [], true), ([1], [], false), ([1, 2], [1, 2], true), ([1, 2], [1, 3], false), ([1, 2], [2, 1], false),
    ])
    func `compares by content`(left: [UInt8], right: [UInt8], isEqual: Bool) {
        #expect((Secret(left) == Secret(right)) == isEqual)
    }
}
