import Foundation
import Glibc
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("Disk and file faults", .serialized, .timeLimit(.minutes(10)))
struct FileFaultTests {
    @Test(.tags(.p4, .p5))
    func `A full disk: 503 until there is room, then the same attempt goes on`() async throws {
        let place = try Workplace()
        let disk = try await Disk(of: "4m", in: place)
        let server = try place.start(["--database", disk.database], by: disk.enter)
        try await server.waitUntilPrinted("Pawl is ready")
        var client = try await HonestClient("alice", at: place)
        try await place.expectService(to: &client)
        for _ in 0..<2 {
            try await disk.fill()
            // What is left of the journal takes a few more.
            for _ in 0..<2000 where try await client.refresh(at: place).status == 200 {}
            try await place.expectOutage(for: &client)
            #expect(try await client.look(at: place) == 200, "what is only read goes on")
            #expect(server.printed.contains("Make room on the disk"))
            try await disk.makeRoom()
            try await place.expectService(to: &client)
        }
        await server.killHard()
        let next = try place.start(["--database", disk.database], by: disk.enter)
        try await next.waitUntilPrinted("Pawl is ready")
        try await place.expectService(to: &client)
        #expect(await next.stop() == 0)
        await disk.remove()
    }

    @Test(arguments: [
        ("mount -o remount,ro DISK", "mount -o remount,rw DISK"),
        ("cd DISK && mount --bind p.sqlite p.sqlite && mount -o remount,ro,bind p.sqlite", "umount DISK/p.sqlite"),
    ])
    func `What cannot be written at the start: refused with a word of what to do, served once it can be`(
        _ fault: String, mend: String
    ) async throws {
        let place = try Workplace()
        let disk = try await Disk(of: "4m", in: place)
        var server = try place.start(["--database", disk.database], by: disk.enter)
        try await server.waitUntilPrinted("Pawl is ready")
        var client = try await HonestClient("alice", at: place)
        #expect(await server.stop() == 0)

        try await disk.run(fault.replacing("DISK", with: disk.path))
        let refused = try place.start(["--database", disk.database], by: disk.enter)
        let status = await refused.end()
        #expect(status > 0 && status < 128)
        let words = ["Read-only file system", "look at its permissions and its mount"]
        #expect(words.contains { refused.printed.contains($0) }, "\(refused.printed)")
        #expect(refused.printed.contains(disk.path))

        try await disk.run(mend.replacing("DISK", with: disk.path))
        server = try place.start(["--database", disk.database], by: disk.enter)
        try await server.waitUntilPrinted("Pawl is ready")
        try await place.expectService(to: &client)
        #expect(await server.stop() == 0)
        await disk.remove()
    }

    @Test(.tags(.p4))
    func `A folder that is moved away and comes back: nothing is acknowledged meanwhile`() async throws {
        let place = try Workplace()
        let folder = place.folder.path + "/db"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let server = try await place.serve(["--database", "sqlite:\(folder)/p.sqlite"])
        var client = try await HonestClient("alice", at: place)
        try await place.expectService(to: &client)
        try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
        try await place.expectOutage(for: &client)
        #expect(server.printed.contains("\(folder)/p.sqlite is gone"))
        try FileManager.default.moveItem(atPath: folder + "-away", toPath: folder)
        try await place.expectService(to: &client)
        #expect(await server.stop() == 0)
    }

    @Test(.tags(.p4))
    func `A deleted journal: nothing more is acknowledged, and a clean stop still saves what was`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        try await place.expectService(to: &client)
        try FileManager.default.removeItem(atPath: place.folder.path + "/p.sqlite-wal")
        try await place.expectOutage(for: &client)
        #expect(await server.stop() == 0)
        let next = try await place.serve()
        try await place.expectService(to: &client)
        #expect(await next.stop() == 0)
    }

    @Test
    func `Another file in the database's place is not written to, and not read`() async throws {
        let place = try Workplace()
        let file = place.folder.path + "/p.sqlite"
        let server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        try FileManager.default.moveItem(atPath: file, toPath: file + "-kept")
        try FileManager.default.copyItem(atPath: file + "-kept", toPath: file)
        try await place.expectOutage(for: &client)
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.moveItem(atPath: file + "-kept", toPath: file)
        try await place.expectService(to: &client)
        #expect(await server.stop() == 0)
    }

    @Test(.tags(.p4, .p5))
    func `A lock that another program holds: 503 until it lets go; a second Pawl is refused`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        let ports = try ["--port", String(Workplace.freePort()), "--ops-port", String(Workplace.freePort())]
        let second = try place.start(ports)
        #expect(await second.end() == 1)
        #expect(second.printed.contains("Another process is using this database"))

        let file = unsafe open(place.folder.path + "/p.sqlite-shm", O_RDWR)
        try #require(file >= 0)
        // WAL_WRITE_LOCK of SQLite's WAL index: what a transaction of another process would hold.
        var lock = flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 120, l_len: 1, l_pid: 0)
        try #require(unsafe fcntl(file, F_SETLK, &lock) == 0)
        try await place.expectOutage(for: &client)
        #expect(try await client.look(at: place) == 200, "what is only read goes on")
        #expect(server.printed.contains("only Pawl may use the file"))
        close(file)
        try await place.expectService(to: &client)
        #expect(await server.stop() == 0)
    }

    @Test
    func `A database of no bytes is refused: taken for a new one, it would sign everybody out`() async throws {
        let place = try Workplace()
        var server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        #expect(await server.stop() == 0)
        let file = URL(filePath: place.folder.path + "/p.sqlite")
        let content = try Data(contentsOf: file)
        try Data().write(to: file)
        let refused = try place.start()
        #expect(await refused.end() == 1)
        #expect(refused.printed.contains("is empty"))
        #expect(refused.printed.contains("Restore a backup"))
        try content.write(to: file)
        server = try await place.serve()
        try await place.expectService(to: &client)
        #expect(await server.stop() == 0)
    }

    @Test
    func `Cut short or with flipped bits: refused with a clear word, or what is intact is served; nothing crashes`()
        async throws
    {
        let place = try Workplace()
        let file = URL(filePath: place.folder.path + "/p.sqlite")
        var server = try await place.serve()
        var clients: [HonestClient] = []
        for number in 0..<4 {
            var client = try await HonestClient("user-\(number)", at: place)
            try await client.refresh(at: place)
            clients.append(client)
        }
        #expect(await server.stop() == 0)
        let whole = [UInt8](try Data(contentsOf: file))

        var randomness = SplitMix64(seed: 3)
        var copies = [whole.dropLast(), whole.prefix(whole.count / 2), whole.prefix(4096), whole.prefix(100)].map {
            Array($0)
        }
        for _ in 0..<28 {
            var copy = whole
            copy[Int.random(in: 0..<copy.count, using: &randomness)] ^= 1 << UInt8.random(in: 0..<8, using: &randomness)
            copies.append(copy)
        }
        // Where the rows are: their types and values.
        for _ in 0..<16 {
            var copy = whole
            for _ in 0..<16 {
                let page = 4096 * Int.random(in: 1..<copy.count / 4096, using: &randomness)
                copy[page + Int.random(in: 3000..<4096, using: &randomness)] ^=
                    1
                    << UInt8.random(in: 0..<8, using: &randomness)
            }
            copies.append(copy)
        }
        var served = 0
        for (number, copy) in copies.enumerated() {
            try Data(copy).write(to: file)
            for suffix in ["-wal", "-shm"] { unsafe unlink(file.path + suffix) }
            server = try place.start()
            do {
                try await server.waitUntilPrinted("Pawl is ready")
            } catch {
                let status = await server.end()
                #expect(status > 0 && status < 128, "copy \(number): \(server.printed)")
                #expect(server.printed.contains("Error: "), "copy \(number): \(server.printed)")
                continue
            }
            for client in clients {
                var client = client
                let answer = try await client.refresh(at: place).status
                if answer == 200 { served += 1 }
                #expect([200, 401, 503].contains(answer), "copy \(number)")
                #expect([200, 401, 429, 503].contains(try await client.signIn(at: place)), "copy \(number)")
                #expect([200, 401, 503].contains(try await client.look(at: place)), "copy \(number)")
            }
            #expect(try await place.health == 200, "copy \(number)")
            await server.killHard()
        }
        #expect(served > copies.count, "most of what is intact is served")

        try Data(whole).write(to: file)
        for suffix in ["-wal", "-shm"] { unsafe unlink(file.path + suffix) }
        server = try await place.serve()
        for index in clients.indices { #expect(try await clients[index].refresh(at: place).status == 200) }
        #expect(await server.stop() == 0)
    }
}
