/// The claims that a guard puts into a context.
@_exported public import PawlJOSE
