#' @importFrom rlang %||%
NULL

# Errors for users: they name the exported function, not the helper that noticed.
smart_abort <- function(message, ..., fn = "RunSMART", .envir = parent.frame()) {
  cli::cli_abort(one_line(message), ..., call = call(fn), .envir = .envir)
}

smart_warn <- function(message, ..., .envir = parent.frame()) {
  cli::cli_warn(one_line(message), ..., .envir = .envir)
}

smart_inform <- function(message, ..., .envir = parent.frame()) {
  cli::cli_inform(one_line(message), ..., .envir = .envir)
}

# Lines are broken where they are shown, not where the source breaks them.
one_line <- function(message) {
  message[] <- gsub("\\s*\n\\s*", " ", message)
  message
}

# Storing what was computed, which a warning must not undo under options(warn = 2).
keeping_results <- function(code) {
  if (getOption("warn") < 2) code else withr::with_options(list(warn = 1), code)
}
