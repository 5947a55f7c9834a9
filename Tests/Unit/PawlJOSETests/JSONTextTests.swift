import Foundation
import PawlTesting
import Testing

@testable import PawlJOSE

@Suite("JSON by hand")
struct JSONTextTests {
    @Test(
        arguments: [
            (#"{"token":"abc-_9"}"#, "abc-_9"), ("{\t\"token\" :\r\n \"a b\" } \n", "a b"), (#"{"token":""}"#, ""),
            (#"{"tokens":"a"}"#, nil), (#"{"toke":"a"}"#, nil), (#"{"token":"a","b":1}"#, nil),
            (#"{"token":"a","token":"b"}"#, nil), (#"{"token":"a"}}"#, nil), (#"{"token":"a"} x"#, nil),
            (#"{"token":"a\\n"}"#, nil), (#"{"tok\\u0065n":"a"}"#, nil), (#"{"token":"é"}"#, nil),
            (" {\"token\":\"a\"}", nil), ("{\"token\":\"a\n\"}", nil), ("{\"token\t\":\"a\"}", nil),
            ("{\"token\":\"a\u{01}\"}", nil), ("{\"token\":\"a\"}\u{00}", nil), (#"{"token":1}"#, nil),
            (#"{"token":["a"]}"#, nil), (#"["token","a"]"#, nil), (#"{"token":"a""#, nil), (#"{"token"}"#, nil),
            ("", nil),
            ("{", nil), (#"{"token":"a",}"#, nil), (#"\u{FEFF}{"token":"a"}"#, nil),
        ] as [(String, String?)])
    func `The only string of an object is read where it is plain, and nothing else is guessed at`(
        text: String, value: String?
    ) throws {
        #expect(JSONText.onlyString("token", in: [UInt8](text.utf8)) == value)
        // Whatever is read here, the decoder reads alike.
        if let value {
            #expect(JSONText.isPlainObject([UInt8](text.utf8)))
            #expect(try JSONDecoder().decode([String: String].self, from: Data(text.utf8)) == ["token": value])
        }
    }

    @Test func `an assembled object is what a decoder reads`() throws {
        var object = JSONObject()
        object.append("text", "a\"\\\u{01}é")
        object.append("number", -7)
        object.append("list", ["x", "y\n"])
        struct Read: Decodable, Equatable {
            let text: String
            let number: Int64
            let list: [String]
        }
        let read = try JSONDecoder().decode(Read.self, from: Data(object.text))
        #expect(read == Read(text: "a\"\\\u{01}é", number: -7, list: ["x", "y\n"]))
        #expect(JSONObject().text == [UInt8]("{}".utf8))
    }
}
