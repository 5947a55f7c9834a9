// libFuzzer over one target. Built and run by `make fuzz`.

import Glibc
import PawlFuzzing

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// A global, because a C function captures nothing. Named by a flag with two dashes, which libFuzzer passes over and
/// hands on to the processes that it starts.
nonisolated let target: FuzzTarget! = FuzzTarget.allCases.first { target in
    CommandLine.arguments.contains("--target=\(target.rawValue)")
}

guard target != nil else {
    print("Usage: fuzz --target=\(FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) [libFuzzer's arguments]")
    exit(2)
}

let strings = CommandLine.arguments + ["-max_len=\(target.longestInput)"]
var count = CInt(strings.count)
var arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count)
for (place, string) in strings.enumerated() { unsafe arguments[place] = strdup(string) }
exit(
    unsafe runDriver(&count, &arguments) { bytes, count in
        do {
            let input = unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
            if let fault = try target.fault(with: input) { fatalError("\(target.rawValue): \(fault)") }
        } catch {
            fatalError("\(target.rawValue): \(error)")
        }
        return 0
    })
