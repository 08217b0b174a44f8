#' Install SMART's Python core
#'
#' Makes a virtual environment and installs in it the Python package smartcore, whose sources
#' come with this package, and what that needs (PyTorch among them: 2 to 6 GB). It is needed once.
#' With reticulate 1.41 or newer [RunSMART()] works without it, in an environment that reticulate
#' prepares; this one is for older ones and for control over what is installed.
#'
#' The environment `"r-smart"` is found by itself in the next session, unless the environment
#' variable `RETICULATE_PYTHON` names another Python: delete its line in `.Renviron`, or call
#' `Sys.unsetenv("RETICULATE_PYTHON")` before Python is used. For an environment of another name, or
#' for conda, name its Python by the environment variable `SMART_PYTHON`, in `.Renviron` say.
#' Repeated, the function brings an existing environment up to date.
#'
#' @param envname Name of the virtual environment (below `~/.virtualenvs`), or a path to it.
#' @param python Path of the Python to make it from, 3.11 or newer; `NULL`: the first such on the
#'   search path. reticulate needs a Python with a shared library.
#' @param torch What to install as PyTorch: `NULL` for the newest (on Linux with CUDA), a version
#'   such as `"2.13.0"`, or a full requirement of pip's.
#' @param pip.options Options of `pip install`, such as `c("-c", "constraints.txt")`, or
#'   `c("--extra-index-url", url)` for PyTorch's builds without CUDA.
#'
#' @return `install_smartcore()`: the path of the environment's Python, invisibly.
#'
#'   `has_smartcore()`: whether a core that this package can use is there already, without starting
#'   or downloading anything. It is `FALSE` for a core of another release, and where reticulate
#'   cannot work with the NumPy beside it (reticulate before 1.38 with NumPy 2). Looked at are the
#'   Python that runs, or else the first of those that `RETICULATE_PYTHON` and `SMART_PYTHON` name
#'   and the one in the environment `"r-smart"`.
#' @concept python
#' @export
#' @examples
#' has_smartcore()
#' \dontrun{
#' # It downloads gigabytes.
#' install_smartcore()
#' # The versions that the tests passed with, from the file constraints.txt of the sources:
#' install_smartcore(torch = "2.13.0", pip.options = c("-c", "constraints.txt"))
#' }
install_smartcore <- function(
    envname = "r-smart",
    python = NULL,
    torch = NULL,
    pip.options = character()) {
  if (!rlang::is_string(envname) || !nzchar(envname)) {
    smart_abort("{.arg envname} must be one name or path, not {.obj_type_friendly {envname}}.",
      fn = "install_smartcore"
    )
  }
  numpy <- numpy_requirement()
  torch <- torch_requirement(torch)
  python <- without_r_libraries(make_environment(envname, python, torch, numpy, pip.options))
  version <- ask_python(python, "import smartcore; print(smartcore.__version__)")
  if (is.na(version)) {
    smart_abort("{.file {python}} cannot import what was installed (see above).",
      fn = "install_smartcore"
    )
  }
  cli::cli_inform(c(
    "v" = "smartcore {version} is installed for {.file {python}}.",
    "i" = if (reticulate::py_available()) "Restart R to use it.",
    "i" = if (envname != core_env) {
      "So that it is found: {.code Sys.setenv(SMART_PYTHON = \"{python}\")}."
    }
  ))
  invisible(python)
}

make_environment <- function(envname, python, torch, numpy, pip.options) {
  if (!reticulate::virtualenv_exists(envname)) {
    python <- find_python(python, below = if (length(numpy)) no_numpy1)
    # NumPy is left to the installation below, which knows what reticulate can use.
    reticulate::virtualenv_create(envname, python = python, packages = FALSE)
  }
  # torch alone and first, or pip may look for another build of it.
  for (packages in list(torch, c(numpy, core_sources()))) {
    reticulate::virtualenv_install(envname, packages, pip_options = as.character(pip.options))
  }
  reticulate::virtualenv_python(envname)
}

#' @rdname install_smartcore
#' @export
has_smartcore <- function() {
  if (reticulate::py_available()) {
    return(tryCatch(
      {
        core("has_smartcore")
        TRUE
      },
      smart_python_error = function(e) FALSE
    ))
  }
  python <- expected_python()
  if (is.null(python) || !file.exists(python)) {
    return(FALSE)
  }
  numpy <- numpy_requirement()
  said <- ask_python(
    python, sprintf(look_for_core, if (length(numpy)) "__import__('numpy').__version__" else "''"),
    stderr = FALSE
  )
  found <- strsplit(said, " ", fixed = TRUE)[[1]]
  identical(found[1], as.character(core_interface)) && (is.null(numpy) || numpy_fits(found[2]))
}

# Prints the interface of a core without importing it, which takes seconds, and NumPy's version.
look_for_core <- "
import importlib.util, pathlib, re
core = importlib.util.find_spec('smartcore')
bridge = pathlib.Path(core.origin).with_name('_bridge') / '__init__.py'
interface = re.search('(?m)^INTERFACE = ([0-9]+)', bridge.read_text(encoding='utf-8'))
print(interface.group(1), %s)
"

# The Python that would be started, as far as it can be told beforehand.
expected_python <- function() {
  for (name in c("RETICULATE_PYTHON", "SMART_PYTHON")) {
    wanted <- Sys.getenv(name)
    if (nzchar(wanted)) {
      return(named_python(wanted))
    }
  }
  if (reticulate::virtualenv_exists(core_env)) reticulate::virtualenv_python(core_env)
}

torch_requirement <- function(torch) {
  if (is.null(torch)) {
    return("torch>=2.2")
  }
  if (!rlang::is_string(torch) || !nzchar(torch)) {
    smart_abort(c(
      "{.arg torch} must be one version or requirement, not {.obj_type_friendly {torch}}.",
      "i" = "Such as {.val 2.13.0} or {.val torch>=2.6}."
    ), fn = "install_smartcore")
  }
  if (grepl("^[0-9]", torch)) paste0("torch==", torch) else torch
}

# reticulate learnt NumPy 2 in 1.38.
numpy_requirement <- function(version = reticulate_version()) {
  if (version < "1.38") "numpy<2"
}

# The first Python for which there is no NumPy 1.
no_numpy1 <- "3.13"

# The Python to make an environment from: the one given, or the first that is new enough.
find_python <- function(python = NULL, below = NULL) {
  given <- python
  candidates <- given %||% unname(Sys.which(c(
    "python3", "python", paste0("python3.", c(13, 12, 11))
  )))
  candidates <- unique(candidates[nzchar(candidates)])
  versions <- vapply(candidates, version_of_python, "")
  fits <- !is.na(versions) & numeric_version(versions, strict = FALSE) >= least_python
  if (!is.null(below)) {
    fits <- fits & numeric_version(versions, strict = FALSE) < below
  }
  if (!any(fits)) {
    needed <- paste0(
      "Python ", least_python, " or newer",
      if (!is.null(below)) paste0(", but below ", below, " (with this reticulate)")
    )
    seen <- paste0(candidates, " (", ifelse(is.na(versions), "does not run", versions), ")")
    smart_abort(c(
      "{needed} is needed.",
      "x" = if (length(candidates)) "Looked at: {.file {seen}}" else "No Python was found.",
      "i" = "Install one, or name it: {.code install_smartcore(python = \"/path/to/python3\")}."
    ), fn = "install_smartcore")
  }
  candidates[fits][1]
}

version_of_python <- function(python) {
  said <- ask_python(
    python, "import venv, sys; print('%d.%d.%d' % sys.version_info[:3])",
    stderr = FALSE
  )
  if (grepl("^[0-9]+\\.[0-9]+\\.[0-9]+$", said)) said else NA_character_
}

# The last line that a Python of its own prints, or NA where it fails.
ask_python <- function(python, code, stderr = "") {
  said <- tryCatch(
    suppressWarnings(without_r_libraries(
      system2(python, c("-c", shQuote(code)), stdout = TRUE, stderr = stderr)
    )),
    error = function(e) NULL
  )
  if (length(said) && is.null(attr(said, "status"))) utils::tail(said, 1) else NA_character_
}
