package import HTTPTypes
import Hummingbird
import Logging
package import NIOCore
import PawlAPI
import PawlCore

/// Lets only holders of a master secret use a route.
struct OperatorAuthentication: Sendable {
    let environment: PawlEnvironment

    /// A handler for holders of a master secret alone. Its answers, refusals too, prove that this server holds it.
    func requiring(_ handler: @escaping RequestPipeline.Handler) -> RequestPipeline.Handler {
        { request in
            let caller = try call(request)
            let answer: Response
            do {
                answer = try await handler(caller.opened(request))
            } catch {
                answer = ProblemError(error, logger: environment.logger).response
            }
            return try await caller.proving(answer)
        }
    }

    private func call(_ request: APIRequest) throws -> OperatorCall {
        let head = request.request.head
        let subject = OperationsCredential.Subject(
            method: head.method.rawValue, path: head.path ?? "", body: request.content)
        guard let header = head.headerFields[.authorization],
            let secret = signer(of: header, for: subject)
        else {
            throw ProblemError(
                .unauthorized, .invalidToken, "This needs a credential made with the master secret.",
                headers: [.wwwAuthenticate: OperationsCredential.scheme], refusal: .operatorCredential)
        }
        return OperatorCall(header: header, subject: subject, secret: secret)
    }

    /// The command line goes by its machine's clock, which may differ from the database's: then it is `pawl doctor` that
    /// says so.
    private func signer(of header: String, for subject: OperationsCredential.Subject) -> MasterSecret? {
        let secrets = environment.settings.now.secrets
        return OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: environment.clock.now)
            ?? OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: WallClock.system.now)
    }
}

/// An authenticated operator request, and the master secret that signed it.
private struct OperatorCall {
    let header: String
    let subject: OperationsCredential.Subject
    let secret: MasterSecret

    /// The request with its body in clear.
    func opened(_ request: APIRequest) throws -> APIRequest {
        guard request.request.headers[.contentType] == OperationsCredential.sealedType else { return request }
        guard let content = subject.openedBody(by: secret) else {
            throw ProblemError.invalidRequest("The body was not encrypted for this request.")
        }
        var head = request.request.head
        head.headerFields[.contentType] = "application/json"
        var opened = request
        opened.request = Request(head: head, body: request.request.body)
        opened.content = content
        return opened
    }

    /// The answer with a proof that it is this server's.
    func proving(_ response: Response) async throws -> Response {
        let collected = ByteCollector()
        try await response.body.write(collected)
        var proven = Response(
            status: response.status, headers: response.headers,
            body: collected.bytes.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: collected.bytes)))
        proven.headers[.authenticationInfo] = OperationsCredential.proof(
            status: response.status.code, body: collected.bytes, to: header, by: secret)
        return proven
    }
}

/// Collects an answer's bytes. A class, because Hummingbird consumes the writer; a struct's bytes would be lost.
package final class ByteCollector: ResponseBodyWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package func write(_ buffer: ByteBuffer) { bytes += buffer.readableBytesView }
    package func finish(_ trailers: HTTPFields?) {}
}
