import Foundation
import PawlCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension ProcessState {
    /// This process, from `/proc`; nil where there is none.
    static func read() -> Self? {
        func words(_ path: String) -> [Substring] {
            FileManager.default.contents(atPath: path).map {
                String(decoding: $0, as: UTF8.self).split { $0.isWhitespace }
            }
                ?? []
        }
        let pages = words("/proc/self/statm")
        // The program's name stands second, in parentheses, and is one word here: `pawl`. What follows is counted from
        // behind it all the same.
        let stat = words("/proc/self/stat")
        let system = words("/proc/stat")
        guard pages.count > 1, let resident = Int64(pages[1]), let name = stat.lastIndex(where: { $0.hasSuffix(")") }),
            stat.count > name + 20, let start = Double(stat[name + 20]), let user = Double(stat[name + 12]),
            let kernel = Double(stat[name + 13]),
            let boot = system.firstIndex(of: "btime"), system.count > boot + 1, let booted = Double(system[boot + 1]),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        else { return nil }
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return Self(
            residentBytes: resident * Int64(sysconf(Int32(_SC_PAGESIZE))), openFiles: Int64(files.count),
            maximumFiles: Int64(clamping: limit.rlim_cur),
            startSeconds: booted + start / ticks,
            cpuSeconds: (user + kernel) / ticks)
    }
}
