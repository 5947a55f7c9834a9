import Foundation
import PawlAPI

extension Diagnosis {
    func openFiles() -> Finding {
        let limit = sysconf(Int32(_SC_OPEN_MAX))
        let needed = HTTPLimits().connections + 64
        guard limit >= needed else {
            return Finding(
                "open files", .warning,
                "The server may have \(limit), and needs up to \(needed): under load it could not accept connections.",
                advice: "Raise the limit: LimitNOFILE=8192 in its systemd unit, or ulimit -n 8192 before its start.")
        }
        return Finding("open files", .ok, "The server may have \(limit).")
    }

    func crashReports() -> Finding {
        let setting = ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"] ?? ""
        guard setting.split(separator: ",").contains("enable=no") else {
            return Finding(
                "crash reports", .warning, "A crash would print memory, with secrets in it, to where the log goes.",
                advice: "Set SWIFT_BACKTRACE=enable=no for the server.")
        }
        return Finding("crash reports", .ok, "They are off.")
    }
}
