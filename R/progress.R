# What the core says while it works.

# A bar for the training, when verbose. `step` is called by Python now and then with the epoch it has
# come to, and says whether R was interrupted: by other means than signals, as in RStudio, for those
# are Python's then. An interrupt must not go through Python as one of R.
new_progress <- function(verbose, .envir = parent.frame()) {
  id <- NULL
  last <- NULL
  show <- function(epoch, epochs, loss) {
    last <<- list(epoch = epoch, epochs = epochs, loss = loss)
    if (is.null(id)) {
      id <<- cli::cli_progress_bar(
        format = paste(
          "Training {cli::pb_bar} {cli::pb_current}/{cli::pb_total} epochs,",
          "loss {signif(cli::pb_extra$loss, 4)}"
        ),
        total = epochs, extra = list(loss = loss), clear = TRUE, .auto_close = FALSE,
        .envir = .envir
      )
    }
    cli::cli_progress_update(set = epoch, extra = list(loss = loss), id = id, .envir = .envir)
  }
  step <- function(epoch, epochs, loss) {
    tryCatch(
      {
        if (verbose) show(epoch, epochs, loss)
        Sys.sleep(0)
        FALSE
      },
      interrupt = function(e) TRUE
    )
  }
  # On the way out of a run that failed or was interrupted, too.
  done <- function() {
    if (!is.null(id)) {
      cli::cli_progress_done(id = id, .envir = .envir)
      cli::cli_inform(c("i" = "Trained {last$epoch} epoch{?s} of at most {last$epochs}, loss
        {signif(last$loss, 4)}."))
    }
  }
  list(step = step, done = done)
}

# A bar for pieces of work, when verbose; `step` is told of those done and of all, and says whether R
# was interrupted.
new_counter <- function(verbose, what, .envir = parent.frame()) {
  id <- NULL
  show <- function(done, total) {
    if (is.null(id)) {
      id <<- cli::cli_progress_bar(
        format = paste(what, "{cli::pb_bar} {cli::pb_current}/{cli::pb_total}"),
        total = total, clear = TRUE, .auto_close = FALSE, .envir = .envir
      )
    }
    cli::cli_progress_update(set = done, id = id, .envir = .envir)
  }
  step <- function(done, total) {
    tryCatch(
      {
        if (verbose) show(done, total)
        Sys.sleep(0)
        FALSE
      },
      interrupt = function(e) TRUE
    )
  }
  done <- function() if (!is.null(id)) cli::cli_progress_done(id = id, .envir = .envir)
  list(step = step, done = done)
}

# Python's log as messages, at once and when verbose; its warnings as warnings, when R is back:
# one raised within Python's call would end it under options(warn = 2).
new_relay <- function(verbose, fn = "RunSMART") {
  warnings <- character()
  notify_about <- function(modality = NULL) {
    about <- if (is.null(modality)) "" else paste0(modality, ": ")
    function(kind, text) {
      text <- paste0(about, in_r_words(text, fn))
      if (kind == "warning") {
        warnings <<- c(warnings, text)
      } else if (verbose) {
        cli::cli_inform(c("i" = "{text}"))
      }
      NULL
    }
  }
  tell_warnings <- function() {
    texts <- unique(warnings)
    warnings <<- character()
    keeping_results(for (text in texts) cli::cli_warn("{text}"))
  }
  list(notify = notify_about(), notify_about = notify_about, tell_warnings = tell_warnings)
}

# A function whose arguments come as R's own, although the module's results do not.
called_by_python <- function(f) reticulate::r_to_py(f, convert = TRUE)
