import Foundation
import HTTPTypes
import Hummingbird
import PawlGuard
import Synchronization

struct Note: ResponseCodable {
    let id: Int
    let text: String
}

struct NewNote: Decodable {
    let text: String
}

/// Anybody who is signed in reads and writes notes; editors delete them. The API checks access tokens by itself, and
/// lets pages of the app alone read its answers.
func notesAPI(issuer: String, app: String) -> Router<GuardedContext> {
    let notes = Mutex([Note(id: 1, text: "Buy milk."), Note(id: 2, text: "Ring the plumber.")])
    let router = Router(context: GuardedContext.self)
    // Before the guard: browsers ask without a token whether a page may ask with one.
    router.add(
        middleware: CORSMiddleware(
            allowOrigin: .oneOf(app), allowHeaders: [.authorization, .contentType],
            allowMethods: [.get, .post, .delete], maxAge: .seconds(600)))
    router.add(middleware: PawlGuard(issuer: issuer))

    router.get("notes") { _, _ in notes.withLock { $0 } }
    router.post("notes") { request, context in
        let text = try await request.decode(as: NewNote.self, context: context).text
        let note = notes.withLock {
            let note = Note(id: ($0.last?.id ?? 0) + 1, text: String(text.prefix(200)))
            $0 = $0.suffix(49) + [note]
            return note
        }
        return EditedResponse(status: .created, response: note)
    }
    router.group("notes").add(middleware: RequireRole(anyOf: "editor")).delete(":id") { _, context in
        let id = try context.parameters.require("id", as: Int.self)
        notes.withLock { $0.removeAll { $0.id == id } }
        return HTTPResponse.Status.noContent
    }
    return router
}
