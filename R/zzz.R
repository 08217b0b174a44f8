.onLoad <- function(libname, pkgname) {
  # Where Python runs already, importing and requiring would not wait.
  if (!reticulate::py_available()) {
    require_core()
    # Not used itself: it tells reticulate for whom to choose a Python. The second attempt on
    # such a proxy does without the error handler, so core() imports by itself.
    reticulate::import(
      core_module,
      convert = FALSE,
      delay_load = list(
        environment = core_env, before_load = choose_python, on_error = abort_no_core
      )
    )
  }
}
