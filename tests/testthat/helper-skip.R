# Skip where Python or its core is missing, and say why; fail instead where
# SMART_REQUIRE_PYTHON is "true", so that no check passes by leaving out what it is for.
skip_without_core <- function() {
  if (is.null(core_state$problem)) {
    core_state$problem <- tryCatch(
      {
        SpatialSMART:::core()
        ""
      },
      error = conditionMessage
    )
  }
  if (nzchar(core_state$problem)) {
    if (identical(Sys.getenv("SMART_REQUIRE_PYTHON"), "true")) {
      stop(core_state$problem, call. = FALSE)
    }
    testthat::skip(paste("Python's core is missing:", core_state$problem))
  }
}

core_state <- new.env(parent = emptyenv())

# Public data beside the repository: in shared/data of a folder above, or where SMART_SHARED_DATA
# says.
shared_data <- function(...) {
  folder <- Sys.getenv("SMART_SHARED_DATA")
  up <- normalizePath(".")
  while (!nzchar(folder) && dirname(up) != up) {
    up <- dirname(up)
    if (dir.exists(file.path(up, "shared", "data"))) folder <- file.path(up, "shared", "data")
  }
  path <- file.path(folder, ...)
  testthat::skip_if_not(nzchar(folder) && file.exists(path), paste("no public data:", file.path(...)))
  path
}
