import PawlTesting
import Testing

@testable import PawlJOSE

@Suite("A plain JSON object", .tags(.p12))
struct PlainObjectTests {
    @Test(arguments: [
        "{}", #"{"a":"b"}"#, "{ \"a\" : [ 1 , -0.5e+3 ] , \"b\" : { } }\t\r", #"{"a":"\"\\\/\b\f\n\r\té\ud83d\ude00"}"#,
        #"{"a":[true,false,null,0,10,1E9]}"#, #"{"a":{"b":1,"b":2,"\u0062":3}}"#, #"{"a":[[[[[[[1]]]]]]]}"#,
        #"{"":1}"#,
    ])
    func `a plain JSON object is read to the letter`(text: String) {
        #expect(JSONText.isPlainObject([UInt8](text.utf8)))
    }

    /// Foundation's decoder takes some of them, if they stand where no member is asked for.
    @Test(arguments: [
        "", " ", " {}", "\n{}", "{", "}", "[]", "7", "null", #""a""#, "{}}", "{}{}", "{} x", "\u{FEFF}{}", #"{"a"}"#,
        #"{"a":}"#,
        #"{"a":1,}"#, #"{,}"#, #"{"a":1 "b":2}"#, #"{a:1}"#, #"{'a':1}"#, #"{"a":[1,]}"#, #"{"a":[1}"#, #"{"a":[1]"#,
        #"{"a":01}"#, #"{"a":-}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":0x1}"#,
        #"{"a":NaN}"#, #"{"a":True}"#, #"{"a":nul}"#, #"{"a":"\q"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\u12"}"#,
        "{\"a\":\"\n\"}", "{\"a\":\"\0\"}", #"{"a":"b}"#, "{\"a\":1}\0", "{\"a\":1 // no\n}",
        #"{"a":1,"a":2}"#, #"{"\u0061":1}"#, #"{"a":[[[[[[[[1]]]]]]]]}"#,
    ])
    func `nothing else is a plain JSON object`(text: String) {
        #expect(!JSONText.isPlainObject([UInt8](text.utf8)))
    }

    @Test func `a plain JSON object is UTF-8`() {
        for bytes in [[0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xC0, 0x80]] as [[UInt8]] {
            #expect(!JSONText.isPlainObject([UInt8](#"{"a":""#.utf8) + bytes + [UInt8](#""}"#.utf8)))
        }
    }
}
