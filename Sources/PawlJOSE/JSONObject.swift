/// A JSON object assembled member by member: 1 µs where `JSONEncoder` takes 18 for a token's claims.
package struct JSONObject {
    private var bytes = [UInt8(ascii: "{")]

    package init() {
        bytes.reserveCapacity(1024)
    }

    package mutating func append(_ name: StaticString, _ value: String) {
        begin(name)
        JSONText.append(value, to: &bytes)
    }

    package mutating func append(_ name: StaticString, _ value: [String]) {
        begin(name)
        JSONText.append(value, to: &bytes)
    }

    package mutating func append(_ name: StaticString, _ value: Int64) {
        begin(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    package mutating func append(_ name: StaticString, _ value: Bool) {
        begin(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    /// The whole object.
    package var text: [UInt8] { bytes + [UInt8(ascii: "}")] }

    /// Names are ours and need no escapes.
    private mutating func begin(_ name: StaticString) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}
