import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

@Suite("The scale-out store", .tags(.p4, .p5, .p6, .p9, .p11))
struct ConformanceTests {
    @Test(arguments: StoreConformance.all)
    func conforms(check: StoreConformance.Check) async throws {
        try await withStore { store, _ in try await check.run(on: store) }
    }
}
