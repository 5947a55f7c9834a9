/// What a database is opened for.
package enum OpenMode: Sendable {
    /// To serve: it is made if need be, and its tables are brought up to date.
    case serve
    /// To bring the tables of one that exists up to date.
    case migrate
    /// To work on one that exists and is up to date.
    case operate
    /// To look at one that exists, whatever its tables are.
    case inspect
}
