/// What a database is opened for.
package enum OpenMode: Sendable {
    /// To serve: it is made if need be, and its tables are brought up to date.
    case serve
    /// To bring the tables of one that exists up to date.
    case migrate
    /// To work on one that exists, is up to date, and is neither left for another one nor being moved into.
    case operate
    /// To move an installation: out of one that exists and is up to date, or into one whose tables are made if need be.
    case move
    /// To look at one that exists, whatever its tables are.
    case inspect
}
