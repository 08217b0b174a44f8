# Loads torch so that it calls its own linear algebra. On Linux the BLAS of R is in the process
# first and would stand in for torch's, by the names they share: ten times slower where it is
# the reference BLAS, and rounded otherwise than in a Python of its own.
import_torch <- function() {
  os <- reticulate::import("os")
  sys <- reticulate::import("sys")
  if (reticulate::py_has_attr(os, "RTLD_DEEPBIND")) {
    flags <- sys$getdlopenflags()
    on.exit(sys$setdlopenflags(flags))
    sys$setdlopenflags(bitwOr(flags, os$RTLD_DEEPBIND))
  }
  reticulate::import("torch", convert = FALSE)
}
