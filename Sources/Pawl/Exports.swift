// What a Swift server needs to embed Pawl with SQLite and Argon2id, by one import. Import `PawlPostgres`, `PawlPages` and
// `PawlAPI` beside it for more.

@_exported public import PawlCore
@_exported public import PawlGuard
@_exported public import PawlJOSE
@_exported public import PawlPasswords
@_exported public import PawlSQLite
@_exported public import PawlServer
