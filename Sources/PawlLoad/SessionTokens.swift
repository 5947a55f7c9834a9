import Foundation
import NIOCore
import PawlTerminal

/// The current refresh tokens of many sessions, side by side: a million of them take 104 MB and no object each.
struct SessionTokens: Sendable {
    static let length = 104
    private static let prefix = [UInt8]("prt_".utf8)
    private static let newline = UInt8(ascii: "\n")

    private var bytes: [UInt8] = []

    init() {}

    var count: Int { bytes.count / Self.length }

    subscript(session: Int) -> ArraySlice<UInt8> {
        bytes[session * Self.length..<(session + 1) * Self.length]
    }

    /// Makes the copy that the first change would make: 50 ms for a million, which must not fall into a measurement.
    mutating func copyNow() { bytes.reserveCapacity(bytes.count) }

    mutating func append(_ token: ByteBuffer) { bytes.append(contentsOf: token.readableBytesView) }

    mutating func replace(_ session: Int, by token: ByteBuffer) {
        var index = session * Self.length
        for byte in token.readableBytesView {
            bytes[index] = byte
            index += 1
        }
    }

    /// The session is over: its token is of no more use, and is not saved.
    mutating func end(_ session: Int) { bytes[session * Self.length] = 0 }

    static func isToken(_ buffer: ByteBuffer) -> Bool { isToken(buffer.readableBytesView) }

    private static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count == length && bytes.starts(with: prefix)
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

extension SessionTokens {
    /// Reads what ``save(to:)`` wrote: a token a line.
    init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError("\(path) cannot be read.")
        }
        let file = [UInt8](data)
        bytes.reserveCapacity(file.count)
        for start in stride(from: 0, to: file.count, by: Self.length + 1) {
            let end = min(start + Self.length, file.count)
            guard Self.isToken(file[start..<end]), end == file.count || file[end] == Self.newline else {
                // The line itself is not shown: it may be a token with a character too many.
                throw CommandError(
                    "\(path), line \(count + 1): this is not a refresh token. The file must be one that --save wrote.")
            }
            bytes.append(contentsOf: file[start..<end])
        }
    }

    /// Writes the tokens of all sessions that are not over, readable by their owner alone. The file is replaced as a
    /// whole, so that an old one is not lost if this fails.
    func save(to path: String) throws {
        var file: [UInt8] = []
        file.reserveCapacity(count * (Self.length + 1))
        for session in 0..<count where bytes[session * Self.length] != 0 {
            file.append(contentsOf: self[session])
            file.append(Self.newline)
        }
        let fresh = "\(path).\(ProcessInfo.processInfo.processIdentifier)"
        let descriptor = unsafe open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.cannotWrite(path) }
        do {
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try handle.write(contentsOf: Data(file))
            try handle.synchronize()
            guard unsafe rename(fresh, path) == 0 else { throw Self.cannotWrite(path) }
        } catch {
            unsafe unlink(fresh)  // it holds tokens of living sessions
            throw error
        }
    }

    private static func cannotWrite(_ path: String) -> CommandError {
        CommandError("\(path) cannot be written: \(unsafe String(cString: strerror(errno))).")
    }
}
