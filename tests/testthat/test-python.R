# Paths differ from machine to machine.
without_paths <- function(lines) {
  lines <- gsub(core_sources(), "<sources>", lines, fixed = TRUE)
  gsub(as.character(utils::packageVersion("SpatialSMART")), "<version>", lines, fixed = TRUE)
}

# The Python of a virtual environment that holds nothing but these modules: file -> its lines.
python_with <- function(files = list(), folder = withr::local_tempdir(.local_envir = env),
                        env = parent.frame()) {
  base <- reticulate::import("sys")$`_base_executable`
  made <- withr::with_envvar(
    c(LD_LIBRARY_PATH = NA),
    system2(base, c("-m", "venv", "--without-pip", shQuote(folder)), stdout = FALSE, stderr = FALSE)
  )
  skip_if_not(made == 0, "Python cannot make virtual environments")
  packages <- Sys.glob(file.path(folder, "lib", "python*", "site-packages"))
  for (file in names(files)) {
    path <- file.path(packages, file)
    dir.create(dirname(path), showWarnings = FALSE, recursive = TRUE)
    writeLines(files[[file]], path)
  }
  env_python(folder)
}

# A core that says no more than what it is.
stand_in_core <- function(interface, version = "99.0") {
  list(
    "smartcore/__init__.py" = sprintf("__version__ = '%s'", version),
    "smartcore/_bridge/__init__.py" = c(
      sprintf("INTERFACE = %d", interface),
      sprintf("def versions():\n    return {'smartcore': '%s'}", version)
    )
  )
}

test_that("a missing or too old core is an error that names the Python and the ways out", {
  withr::local_envvar(RETICULATE_PYTHON = NA, SMART_PYTHON = NA)
  expect_snapshot(error = TRUE, transform = without_paths, {
    abort_python("SMART's Python core, smartcore, cannot be loaded.",
      reason = "ModuleNotFoundError: No module named 'smartcore'", python = "/no/python3"
    )
    abort_python("SMART's Python core, smartcore, cannot be loaded.",
      reason = "ModuleNotFoundError: No module named 'smartcore'", python = "/no/python3",
      managed = TRUE
    )
    abort_python("SMART's Python core, smartcore, cannot be loaded.",
      reason = "Python shared library not found", python = NULL
    )
    check_core("0.0.9", 1L, "/no/python3")
    check_core("99.0.0", 99L, "/no/python3")
  })
  withr::local_envvar(SMART_PYTHON = "/no/smart")
  expect_snapshot(error = TRUE, transform = without_paths, check_core("0.0.9", 1L, "/no/smart"))
  withr::local_envvar(RETICULATE_PYTHON = "/no/python")
  expect_snapshot(error = TRUE, transform = without_paths, {
    check_core("0.0.9", NA, "/no/python", fn = "FindSMARTClusters")
    abort_python("SMART's Python core, smartcore, cannot be loaded.",
      reason = "ModuleNotFoundError: No module named 'smartcore'", python = "/no/python",
      managed = TRUE
    )
  })
})

test_that("NumPy 2 under a reticulate that does not know it is an error that says what to change", {
  withr::local_envvar(RETICULATE_PYTHON = NA, SMART_PYTHON = NA)
  config <- function(numpy, version = "3.11") {
    list(
      python = "/no/python3", version = version, numpy = list(version = numeric_version(numpy))
    )
  }
  old <- numeric_version("1.37.0")
  expect_snapshot(error = TRUE, {
    check_numpy(config("2.1.0"), old)
    check_numpy(config("2.4.6", version = "3.13"), old, fn = "FindSMARTClusters")
  })
  expect_silent(check_numpy(config("1.26.4"), old))
  expect_silent(check_numpy(config("2.1.0"), numeric_version("1.38.0")))
  # No Python, or none with NumPy: that is another error's matter.
  expect_silent(check_numpy(NULL, old))
  expect_silent(check_numpy(list(python = "/no/python3", version = "3.11", numpy = NULL), old))
})

test_that("NumPy 2 is seen in the Python that is to come and in the one that runs", {
  skip_without_core()
  numpy <- function(version) {
    list("numpy/__init__.py" = sprintf("__version__ = version = '%s'", version))
  }
  python <- python_with(c(stand_in_core(core_interface), numpy("2.1.0")))
  ask <- c(
    "cat(reticulate::py_available(), has_smartcore(), '\n')",
    "said <- tryCatch({ SpatialSMART:::core(); 'loaded' }, error = conditionMessage)",
    "cat(said, reticulate::py_available(), has_smartcore(), '\n')"
  )
  said <- function(...) {
    paste(trimws(run_r(ask, c(RETICULATE_PYTHON = python, ...))), collapse = " ")
  }
  before <- said()
  running <- said(R_PROFILE_USER = profile_that("invisible(reticulate::py_eval('1'))"))
  if (utils::packageVersion("reticulate") < "1.38") {
    expect_match(before, "^FALSE FALSE .*cannot work with NumPy 2.1.0.* FALSE FALSE$")
    expect_match(before, "-m pip install --upgrade \"numpy<2\"", fixed = TRUE)
    expect_match(running, "^TRUE FALSE .*cannot work with NumPy 2.1.0.* TRUE FALSE$")
  } else {
    expect_match(before, "^FALSE TRUE loaded TRUE TRUE$")
    expect_match(running, "^TRUE TRUE loaded TRUE TRUE$")
  }
})

test_that("a core that is newer than this package is an error, but not of has_smartcore()", {
  skip_without_core()
  expect_error(check_core("99.0", 99L, "/no/python3"), class = "smart_python_error")
  python <- python_with(stand_in_core(core_interface + 1L))
  out <- run_r(c(
    "cat(has_smartcore(), reticulate::py_available(), '\n')",
    "said <- tryCatch(SpatialSMART:::core(), error = conditionMessage)",
    "cat(said, has_smartcore(), reticulate::py_available(), '\n')"
  ), c(RETICULATE_PYTHON = python))
  expect_match(out, "^FALSE FALSE", all = FALSE)
  expect_match(out, "smartcore 99.0, is newer than SpatialSMART", all = FALSE)
  expect_match(utils::tail(out, 1), "FALSE TRUE")
})

test_that("a Python that pip leaves to the system is told from others", {
  skip_without_core()
  expect_false(externally_managed(NULL))
  expect_false(externally_managed("/no/such/python"))
  python <- python_with()
  expect_false(externally_managed(python))
  mark <- Sys.glob("/usr/lib/python3*/EXTERNALLY-MANAGED")
  skip_if_not(length(mark) == 1 && file.exists("/usr/bin/python3"), "The system has no such Python")
  expect_true(externally_managed("/usr/bin/python3"))
})

test_that("cores of this release are accepted", {
  expect_silent(check_core("0.2.0", core_interface, "/usr/bin/python3"))
  expect_silent(check_core("0.2.0.post1", core_interface, "/usr/bin/python3"))
  expect_silent(check_core("1.10", core_interface, "/usr/bin/python3"))
  expect_error(check_core("0.1.10", core_interface, "/usr/bin/python3"), "too old")
})

test_that("the sources that come with the package are those of this release", {
  lines <- readLines(file.path(core_sources(), "pyproject.toml"))
  version <- sub("^version = \"(.*)\"$", "\\1", grep("^version = ", lines, value = TRUE))
  expect_identical(version, as.character(utils::packageVersion("SpatialSMART")))
  expect_true(numeric_version(version) >= core_minimum)
  expect_true(file.exists(file.path(core_sources(), "python", "smartcore", "_bridge", "__init__.py")))
  # What the package's description reads.
  expect_true(file.exists(file.path(core_sources(), "README.md")))
})

test_that("the bridge has the interface that this package knows", {
  skip_without_core()
  expect_identical(reticulate::py_to_r(core()$INTERFACE), core_interface)
})

test_that("the core's requirement is an address, whatever the path", {
  folder <- withr::local_tempdir(pattern = "with space ")
  wanted <- core_requirement(folder)
  expect_match(wanted, "^spatialsmart @ file:///[^ ]+$")
  expect_match(wanted, "with%20space")
})

test_that("reticulate provides the core from 1.41 on", {
  expect_true(can_require(numeric_version("1.41")))
  expect_true(can_require(numeric_version("1.41.0.1")))
  expect_false(can_require(numeric_version("1.40.0")))
})

test_that("loading starts no Python", {
  out <- run_r(c(
    "cat('running:', reticulate::py_available(), '\\n')",
    "if (utils::packageVersion('reticulate') >= '1.41') {",
    "  required <- reticulate::py_require()",
    "  cat('required:', required$packages, required$python_version, '\\n')",
    "} else {",
    "  cat('required: spatialsmart @ file:/// >=3.11\\n')",
    "}"
  ))
  expect_match(out, "running: FALSE", all = FALSE)
  expect_match(out, "required: .*spatialsmart @ file:///.*>=3.11", all = FALSE)
})

test_that("a Python that has been started before is taken as it is", {
  skip_without_core()
  out <- run_r(
    "x <- matrix((1:500)^2 %% 7, 20, 25, dimnames = list(NULL, paste0('c', 1:25)))
     xy <- cbind(rep(1:5, 5), rep(1:5, each = 5))
     # It warns that nothing varies in space.
     found <- suppressWarnings(RunSMART(x, xy, 'rna', n.comps = 2, epochs = 2, verbose = FALSE))
     cat(dim(found$embedding))",
    c(RETICULATE_PYTHON = reticulate::py_exe(), R_PROFILE_USER = profile_that(
      "invisible(reticulate::py_eval('1'))"
    ))
  )
  expect_identical(utils::tail(out, 1), "25 64")
})

test_that("SMART_PYTHON names a Python or the folder of an environment", {
  skip_without_core()
  python <- reticulate::py_exe()
  ask <- c("invisible(SpatialSMART:::core())", "cat(reticulate::py_exe())")
  named <- function(value) run_r(ask, c(RETICULATE_PYTHON = NA, SMART_PYTHON = value))
  same <- function(path) normalizePath(dirname(path))
  expect_identical(same(utils::tail(named(python), 1)), same(python))
  folder <- dirname(dirname(python))
  if (file.exists(file.path(folder, "pyvenv.cfg"))) {
    expect_identical(same(utils::tail(named(folder), 1)), same(python))
  }
  expect_match(named("/no/such/python"), "no Python .?/no/such/python", all = FALSE)
  expect_match(named("/no/such/python"), "SMART_PYTHON", all = FALSE)
})

test_that("a Python without the core, or with an old one, is named", {
  skip_without_core()
  python <- python_with()
  ask <- "SpatialSMART:::core()"
  out <- paste(run_r(ask, c(RETICULATE_PYTHON = python)), collapse = "\n")
  expect_match(out, "cannot be loaded")
  expect_match(out, "No module named 'smartcore'")
  expect_match(out, python, fixed = TRUE)
  expect_match(out, "install_smartcore()", fixed = TRUE)
  expect_match(out, "-m pip\\s+install")

  # Sources of a core of long ago, found first.
  folder <- withr::local_tempdir()
  old <- file.path(folder, "smartcore")
  dir.create(old)
  writeLines("__version__ = '0.0.3'", file.path(old, "__init__.py"))
  out <- run_r(ask, c(RETICULATE_PYTHON = python, PYTHONPATH = folder))
  expect_match(out, "too old: smartcore 0.0.3", all = FALSE)
})

test_that("has_smartcore() looks at the Python that is named, and starts none", {
  skip_without_core()
  expect_true(has_smartcore())
  python <- reticulate::py_exe()
  with <- function(...) {
    env <- c(RETICULATE_PYTHON = NA, SMART_PYTHON = NA)
    env[names(c(...))] <- c(...)
    utils::tail(run_r("cat(has_smartcore(), reticulate::py_available())", env), 1)
  }
  expect_identical(with(RETICULATE_PYTHON = python), "TRUE FALSE")
  expect_identical(with(SMART_PYTHON = python), "TRUE FALSE")
  expect_identical(with(RETICULATE_PYTHON = "/no/such/python", SMART_PYTHON = python), "FALSE FALSE")
  # An environment "r-smart" that is not there.
  expect_identical(with(WORKON_HOME = withr::local_tempdir()), "FALSE FALSE")
})

test_that("Pythons beside R do not search the folders that R puts first", {
  seen <- function(...) {
    withr::local_envvar(LD_LIBRARY_PATH = paste(c(...), collapse = ":"))
    without_r_libraries(Sys.getenv("LD_LIBRARY_PATH", NA))
  }
  r <- c(R.home("lib"), "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib")
  expect_identical(seen(r), NA_character_)
  expect_identical(seen(r, "/opt/libraries/lib", "/usr/local/lib"), "/opt/libraries/lib:/usr/local/lib")
})

test_that("what install_smartcore() asks of pip can be said", {
  expect_identical(torch_requirement(NULL), "torch>=2.2")
  expect_identical(torch_requirement("2.13.0"), "torch==2.13.0")
  expect_identical(torch_requirement("torch<3"), "torch<3")
  expect_identical(numpy_requirement(numeric_version("1.28")), "numpy<2")
  expect_null(numpy_requirement(numeric_version("1.41")))
  expect_snapshot(error = TRUE, {
    torch_requirement(2)
    install_smartcore(envname = c("a", "b"))
  })
})

test_that("a Python is found that is new enough", {
  skip_without_core()
  python <- reticulate::py_exe()
  expect_identical(find_python(python), python)
  expect_match(version_of_python(python), "^3\\.[0-9]+\\.[0-9]+$")
  expect_error(find_python(python, below = "3.11"), "but below 3.11")
  expect_error(find_python("/no/such/python"), "does not run")
})
