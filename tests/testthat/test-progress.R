test_that("there is a bar when verbose, and it is gone in the end", {
  withr::local_options(
    cli.progress_show_after = 0, cli.progress_clear = FALSE, cli.progress_handlers_only = "logger",
    cli.progress_handlers_force = "logger"
  )
  before <- cli::cli_progress_num()
  said <- testthat::capture_messages(out <- utils::capture.output({
    progress <- new_progress(TRUE)
    for (epoch in 1:3) expect_false(progress$step(epoch, 10L, 0.5 / epoch))
    expect_identical(cli::cli_progress_num(), before + 1L)
    expect_true(progress$step(4L, 10L, rlang::interrupt()))
    progress$done()
  }))
  expect_identical(cli::cli_progress_num(), before)
  expect_match(paste(out, collapse = "\n"), "3/10|\\b3\\b")
  expect_match(paste(said, collapse = ""), "Trained 3 epochs of at most 10, loss 0.1667")
})

test_that("there is none when not, nor without a step", {
  before <- cli::cli_progress_num()
  for (verbose in c(TRUE, FALSE)) {
    expect_silent({
      progress <- new_progress(verbose)
      if (!verbose) progress$step(1L, 10L, 0.5)
      progress$done()
    })
    expect_identical(cli::cli_progress_num(), before)
  }
})

test_that("messages are told once, with the modality they are about", {
  relay <- new_relay(TRUE)
  expect_message(relay$notify("info", "with {braces}"), "with {braces}", fixed = TRUE)
  relay$notify_about("rna")("warning", "odd {thing}")
  relay$notify_about("rna")("warning", "odd {thing}")
  told <- testthat::capture_warnings(relay$tell_warnings())
  expect_identical(told, "rna: odd {thing}")
  expect_no_warning(relay$tell_warnings())
  quiet <- new_relay(FALSE)
  expect_silent(quiet$notify("info", "nothing"))
})

test_that("an interrupt ends the training and leaves everything as it was", {
  skip_without_core()
  skip_on_os("windows")
  skip_on_cran()
  folder <- withr::local_tempdir()
  code <- c(
    sprintf("setwd(%s)", deparse(folder)),
    "x <- matrix((1:500)^2 %% 7, 20, 25, dimnames = list(paste0('g', 1:20), paste0('c', 1:25)))",
    "xy <- cbind(rep(1:5, 5), rep(1:5, each = 5))",
    "rownames(xy) <- colnames(x)",
    "run <- function(epochs) {",
    "  RunSMART(x, xy, 'rna', n.comps = 2, epochs = epochs, stop.slope = 0, verbose = VERBOSE)",
    "}",
    "invisible(run(2))",
    "result <- 'untouched'",
    "writeLines(as.character(Sys.getpid()), 'pid.tmp')",
    "invisible(file.rename('pid.tmp', 'pid'))",
    "how <- tryCatch({ result <- run(1e7); 'finished' },",
    "                interrupt = function(e) 'interrupt', error = conditionMessage)",
    "writeLines(as.character(as.numeric(Sys.time())), 'ended')",
    "again <- run(2)",
    "idle <- tryCatch({ writeLines('', 'idle'); Sys.sleep(60); 'slept' },",
    "                 interrupt = function(e) 'woken')",
    "writeLines(c(how, result, dim(again$embedding), idle), 'end.tmp')",
    "invisible(file.rename('end.tmp', 'end'))"
  )
  wait_for <- function(file, seconds) {
    end <- Sys.time() + seconds
    while (!file.exists(file) && Sys.time() < end) Sys.sleep(0.1)
    file.exists(file)
  }
  interrupted <- function(verbose) {
    unlink(file.path(folder, c("pid", "ended", "idle", "end")))
    output <- run_r(
      sub("VERBOSE", verbose, code), c(RETICULATE_PYTHON = reticulate::py_exe()),
      wait = FALSE
    )
    expect_true(
      wait_for(file.path(folder, "pid"), 300),
      label = paste(readLines(output), collapse = "\n")
    )
    pid <- as.integer(readLines(file.path(folder, "pid")))
    # The training is under way by then.
    Sys.sleep(2)
    # Python drops one that falls into a destructor, rarely: who waits in vain presses again.
    for (press in 1:6) {
      sent <- as.numeric(Sys.time())
      tools::pskill(pid, tools::SIGINT)
      if (wait_for(file.path(folder, "ended"), 20)) break
    }
    # R has its interrupts back.
    if (wait_for(file.path(folder, "idle"), 120)) {
      Sys.sleep(0.5)
      tools::pskill(pid, tools::SIGINT)
    }
    ended <- wait_for(file.path(folder, "end"), 20)
    if (!ended) tools::pskill(pid, tools::SIGKILL)
    expect_true(ended, label = paste(readLines(output), collapse = "\n"))
    end <- readLines(file.path(folder, "end"))
    expect_identical(end[-1], c("untouched", "25", "64", "woken"))
    # An epoch takes milliseconds.
    expect_lt(as.numeric(readLines(file.path(folder, "ended"))) - sent, 5)
    end[1]
  }
  for (verbose in c("TRUE", "FALSE")) {
    expect_identical(interrupted(verbose), "interrupt")
  }
})
