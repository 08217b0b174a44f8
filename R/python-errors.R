# What can be wrong with a Python and its core, and what the user can do about it.

abort_no_core <- function(error, fn = "RunSMART") {
  version <- installed_core()
  python <- python_path()
  if (!is.null(version)) {
    check_core(version, interface = NA, python = python, fn = fn)
  }
  abort_python(
    "SMART's Python core, smartcore, cannot be loaded.",
    reason = python_reason(error), python = python, fn = fn
  )
}

# Version of a smartcore that can be imported although its bridge cannot.
installed_core <- function() {
  if (!reticulate::py_available()) {
    return(NULL)
  }
  tryCatch(
    as.character(reticulate::import("smartcore")$`__version__`),
    error = function(e) NULL
  )
}

check_core <- function(version, interface, python, fn = "RunSMART") {
  here <- utils::packageVersion("SpatialSMART")
  # "0.2.0.dev1" is of 0.2.0.
  number <- numeric_version(sub("^([0-9]+(\\.[0-9]+)*).*$", "\\1", version), strict = FALSE)
  if (is.na(number) || number < core_minimum || is.na(interface) || interface < core_interface) {
    abort_python(
      "The Python core is too old: smartcore {version}.",
      reason = "SpatialSMART {here} needs smartcore {core_minimum} or newer, which comes with it.",
      python = python, values = list(version = version, here = here), fn = fn
    )
  }
  if (interface > core_interface) {
    abort_python(
      "The Python core, smartcore {version}, is newer than SpatialSMART {here}.",
      reason = "SpatialSMART {here} works with the core that comes with it.",
      python = python, ways = "Install the SpatialSMART of the same release as this core.",
      values = list(version = version, here = here), fn = fn
    )
  }
  invisible()
}

# Before reticulate knew NumPy 2 it ended in an error of C++ once it handed over a matrix. Seen here
# while another Python can still be chosen, unless one runs already.
check_numpy <- function(config = coming_python(), reticulate = reticulate_version(),
                        fn = "RunSMART") {
  numpy <- config$numpy$version
  if (is.null(numpy) || numpy_fits(numpy, reticulate)) {
    return(invisible())
  }
  abort_python(
    "reticulate {reticulate} cannot work with NumPy {numpy}.",
    reason = "Only reticulate 1.38 or newer knows NumPy 2.",
    python = config$python,
    pip = if (numeric_version(config$version) < no_numpy1) "numpy<2",
    ways = "{.code install.packages(\"reticulate\")} brings a newer reticulate.",
    values = list(reticulate = reticulate, numpy = numpy), fn = fn
  )
}

reticulate_version <- function() utils::packageVersion("reticulate")

# What reticulate knows of the Python that runs, or else of the one that it would start. Asked only
# where it matters, since it starts a Python of its own for that.
coming_python <- function() {
  if (is.null(numpy_requirement())) {
    return(NULL)
  }
  if (reticulate::py_available()) {
    return(reticulate::py_config())
  }
  # The start says the same of a Python that is not there.
  tryCatch(
    suppressWarnings(reticulate::py_discover_config("smartcore", core_env)),
    error = function(e) NULL
  )
}

numpy_fits <- function(numpy, reticulate = reticulate_version()) {
  is.null(numpy_requirement(reticulate)) || as.integer(sub("\\..*", "", numpy)) < 2
}

# Says which Python was looked at, and the ways out. `pip`: what it lacks; NULL where pip cannot
# help.
abort_python <- function(what, reason, python, pip = "{sources}", ways = NULL,
                         managed = externally_managed(python), values = list(), fn = "RunSMART") {
  values <- c(values, list(sources = core_sources(), python = python))
  ways <- c(
    ways,
    paste0(
      "{.code SpatialSMART::install_smartcore()} makes an environment with all that is needed",
      unset_first()
    ),
    if (is.null(python)) {
      paste(
        "Name a Python that has smartcore:",
        "{.code Sys.setenv(RETICULATE_PYTHON = \"/path/to/python\")}, before it is first used."
      )
    } else if (managed) {
      own_environment(pip)
    } else if (!is.null(pip)) {
      paste0("In a terminal: {.code \"{python}\" -m pip install --upgrade \"", pip, "\"}")
    }
  )
  smart_abort(
    c(
      what,
      "x" = reason,
      "i" = if (is.null(python)) {
        "No Python could be started."
      } else {
        "Looked at the Python {.file {python}}{chosen_by()}"
      },
      "i" = if (managed) "It is the system's own, and pip may install nothing in it.",
      " " = "Ways out, each followed by a restart of R:",
      stats::setNames(ways, rep("*", length(ways)))
    ),
    fn = fn,
    class = "smart_python_error",
    .envir = list2env(values, parent = environment(abort_python))
  )
}

# How to make a virtual environment by hand, and have it used.
own_environment <- function(pip) {
  variable <- c(python_variable(), "SMART_PYTHON")[1]
  packages <- unique(c(pip, "{sources}"))
  paste0(
    "In a terminal: {.code \"{python}\" -m venv ~/smart}, then {.code ~/smart/bin/python -m pip ",
    "install ", paste0("\"", packages, "\"", collapse = " "), "}; and name this environment by a ",
    "line {.code ", variable, "=~/smart/bin/python} in {.file ~/.Renviron}."
  )
}

# The environment variable that says which Python is used, if there is one.
python_variable <- function() {
  names <- c("RETICULATE_PYTHON", "SMART_PYTHON")
  utils::head(names[nzchar(Sys.getenv(names))], 1)
}

chosen_by <- function() {
  name <- python_variable()
  if (length(name)) paste0(", which ", name, " names.") else "."
}

# Such a variable would win over a new environment, in the next session as well.
unset_first <- function() {
  name <- python_variable()
  if (!length(name)) {
    return(".")
  }
  paste0(
    "; so that it is used, delete the line with {.envvar ", name, "} in {.file ~/.Renviron}, or ",
    "begin each session with {.code Sys.unsetenv(\"", name, "\")}."
  )
}

# Whether this is a system's Python that pip leaves to the system's package manager (PEP 668).
externally_managed <- function(python) {
  !is.null(python) && identical(ask_python(python, "
import os, sys, sysconfig
mark = os.path.join(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED')
print(sys.prefix == sys.base_prefix and os.path.exists(mark))
", stderr = FALSE), "True")
}

# What Python says, without reticulate's advice.
python_reason <- function(error) {
  last <- reticulate::py_last_error()
  if (reticulate::py_available() && !is.null(last)) {
    return(escape_braces(paste0(last$type, ": ", last$value)))
  }
  escape_braces(conditionMessage(error))
}

escape_braces <- function(x) gsub("}", "}}", gsub("{", "{{", x, fixed = TRUE), fixed = TRUE)
