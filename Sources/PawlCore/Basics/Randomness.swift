#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where random bytes come from. Tests seed theirs.
package struct Randomness: Sendable {
    private let fill: @Sendable (_ count: Int) -> [UInt8]

    package init(_ fill: @escaping @Sendable (_ count: Int) -> [UInt8]) {
        self.fill = fill
    }

    package func bytes(_ count: Int) -> [UInt8] { fill(count) }

    #if os(Linux)
        /// The kernel's cryptographic source: one system call, where `SystemRandomNumberGenerator` makes one a word.
        package static let system = Randomness { count in
            var bytes = [UInt8](repeating: 0, count: count)
            // At most 256 bytes a call; there is no descriptor to run out of, and it waits for the kernel's first seed.
            for start in stride(from: 0, to: count, by: 256) {
                let length = min(256, count - start)
                let status = unsafe bytes.withUnsafeMutableBytes { buffer in
                    unsafe getentropy(buffer.baseAddress! + start, length)
                }
                precondition(status == 0, "The system gives no random bytes.")
            }
            return bytes
        }
    #else
        /// The system's cryptographic source.
        package static let system = Randomness { count in
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in generator.next() }
        }
    #endif
}
