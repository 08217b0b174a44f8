# Setting up Python: which one, whether it has the core, and whether that goes with this package.

core_module <- "smartcore._bridge"
core_env <- "r-smart"
# The oldest core whose results and functions this package knows.
core_minimum <- "0.2.0"
# Of the functions in smartcore._bridge.
core_interface <- 12L
least_python <- "3.11"

session <- new.env(parent = emptyenv())

# The Python module, imported and checked at first use.
core <- function(fn = "RunSMART", verbose = FALSE) {
  if (is.null(session$core)) {
    if (verbose && !reticulate::py_available()) {
      smart_inform(c("i" = "Starting Python \u2026"))
    }
    # Users of a proxy of their own may have started Python before this package was loaded.
    require_core()
    start_python(fn)
    module <- tryCatch(
      reticulate::import(core_module, convert = FALSE),
      error = function(e) abort_no_core(e, fn)
    )
    check_core(
      version = reticulate::py_to_r(module$versions())$smartcore,
      interface = reticulate::py_to_r(module$INTERFACE),
      python = python_path(),
      fn = fn
    )
    session$core <- module
  }
  session$core
}

# Folder of the core's sources, which come with this package.
core_sources <- function() system.file("python", package = "SpatialSMART", mustWork = TRUE)

# Let reticulate provide the core, where it can do so.
require_core <- function() {
  if (!can_require() || isTRUE(session$required)) {
    return(invisible())
  }
  # With a Python of the user's own this is but a wish.
  utils::getFromNamespace("py_require", "reticulate")(
    core_requirement(core_sources()),
    python_version = paste0(">=", least_python)
  )
  session$required <- TRUE
  invisible()
}

can_require <- function(version = utils::packageVersion("reticulate")) version >= "1.41"

core_requirement <- function(path) {
  path <- utils::URLencode(normalizePath(path, winslash = "/"))
  paste0("spatialsmart @ file://", if (!startsWith(path, "/")) "/", path)
}

# Start Python, with torch before all else: on macOS the OpenMP of another package that was
# loaded before torch's ends the session.
start_python <- function(fn = "RunSMART") {
  choose_python(fn)
  check_numpy(fn = fn)
  tryCatch(
    reticulate::py_run_string(import_torch, local = TRUE, convert = FALSE),
    error = function(e) {
      # A Python without torch lacks the core as well, and that is what to say.
      if (!reticulate::py_available()) abort_no_core(e, fn)
    }
  )
}

# On Linux torch would take its matrix products (sgemm_) from the BLAS that R has loaded: ten times
# as slow where that is the reference one, and with other last digits than without R.
import_torch <- "
import os
import sys

flags = sys.getdlopenflags() if hasattr(sys, 'getdlopenflags') else None
if flags is not None and hasattr(os, 'RTLD_DEEPBIND'):
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
try:
    import torch
finally:
    if flags is not None:
        sys.setdlopenflags(flags)
"

# RETICULATE_PYTHON is reticulate's own matter and comes first.
choose_python <- function(fn = "RunSMART") {
  wanted <- Sys.getenv("SMART_PYTHON")
  if (!nzchar(wanted) || reticulate::py_available() || nzchar(Sys.getenv("RETICULATE_PYTHON"))) {
    return(invisible())
  }
  python <- named_python(wanted)
  if (!file.exists(python)) {
    smart_abort(c(
      "There is no Python {.file {python}}.",
      "i" = "The environment variable {.envvar SMART_PYTHON} is {.val {wanted}}: it must name a
             Python or the folder of a virtual environment."
    ), fn = fn)
  }
  reticulate::use_python(python, required = TRUE)
}

# A Python, or the one in the folder of an environment.
named_python <- function(wanted) {
  wanted <- path.expand(wanted)
  if (dir.exists(wanted)) env_python(wanted) else wanted
}

env_python <- function(folder) {
  bin <- if (.Platform$OS.type == "windows") "Scripts/python.exe" else "bin/python"
  file.path(folder, bin)
}

python_path <- function() {
  tryCatch(reticulate::py_exe(), error = function(e) NULL)
}

# For Pythons that run beside R. It puts folders of the system first in LD_LIBRARY_PATH, where a
# Python of another place finds the system's libpython, and then lacks modules such as ssl.
without_r_libraries <- function(code) {
  path <- strsplit(Sys.getenv("LD_LIBRARY_PATH"), ":", fixed = TRUE)[[1]]
  system <- grepl("^(/usr)?/lib(64|/[^/]+-linux-[^/]+)?/?$", path)
  own <- path[nzchar(path) & !system & path != R.home("lib")]
  withr::with_envvar(
    c(LD_LIBRARY_PATH = if (length(own)) paste(own, collapse = ":") else NA), code
  )
}
