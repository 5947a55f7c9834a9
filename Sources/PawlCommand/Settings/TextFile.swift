import PawlSQLite
import PawlTerminal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A small text file that somebody prepared: settings or secrets.
struct TextFile {
    let text: String
    let status: FileStatus
    /// Whether it is mounted read-only, as container platforms mount secrets.
    let isOnReadOnlyMount: Bool

    /// Bytes.
    private static let limit = 65_536

    /// - Parameter what: what it holds, for errors.
    /// - Returns: nil if there is no such file.
    /// - Throws: ``CommandError`` if it is no plain file of UTF-8 text, or cannot be read.
    init?(_ path: String, what: String) throws {
        // A pipe must not hold this up, and a link may lead here: that is how secrets are often mounted.
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw CommandError("\(path) cannot be read: \(unsafe String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        guard let status = FileStatus(descriptor: descriptor), status.kind == .file else {
            throw CommandError("\(path) is not a plain file. Give a file that holds \(what).")
        }
        let bytes = try Self.readAll(descriptor, until: nil) {
            CommandError("\(path) cannot be read: \(unsafe String(cString: strerror(errno))).")
        }
        guard bytes.count <= Self.limit else { throw CommandError("\(path) is too large to hold \(what).") }
        text = try Self.text(bytes, of: path)
        self.status = status
        var system = statvfs()
        isOnReadOnlyMount = unsafe fstatvfs(descriptor, &system) == 0 && system.f_flag & UInt(ST_RDONLY) != 0
    }

    /// The first line of the input, without its end.
    static func firstLineOfInput() throws -> String {
        let bytes = try readAll(STDIN_FILENO, until: UInt8(ascii: "\n")) {
            CommandError("The input cannot be read: \(unsafe String(cString: strerror(errno))).")
        }
        guard bytes.count <= limit else { throw CommandError("The first line of the input is too long.") }
        var line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return try text(Array(line), of: "The input")
    }

    /// Reads to the end, or until `end` has come, or one byte more than the limit allows.
    private static func readAll(_ descriptor: Int32, until end: UInt8?, failure: () -> CommandError) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= limit {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            bytes += buffer[..<count]
            if count == 0 || end.map(buffer[..<count].contains) == true { break }
        }
        return bytes
    }

    /// `bytes` as UTF-8 text, just as they are. Refused in words: what some editors and shells write instead.
    static func text(_ bytes: [UInt8], of name: String) throws -> String {
        let marks: [[UInt8]] = [[0xEF, 0xBB, 0xBF], [0xFE, 0xFF], [0xFF, 0xFE]]
        guard !marks.contains(where: bytes.starts) else {
            throw CommandError("\(name) begins with a byte order mark. Write plain UTF-8, without one.")
        }
        guard !bytes.contains(0) else {
            throw CommandError("\(name) holds NUL bytes, as text in UTF-16 does. Write plain UTF-8.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError("\(name) is not text in UTF-8. Write plain UTF-8.")
        }
        return text
    }
}
