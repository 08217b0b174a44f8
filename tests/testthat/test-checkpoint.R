test_that("a run that was interrupted goes on, to the same bits", {
  skip_without_core()
  data <- quarters()
  folder <- withr::local_tempdir()
  file <- file.path(folder, "state.pt")
  run <- function(...) {
    RunSMART(
      data[c("rna", "protein")], data$coords,
      epochs = 12, stop.slope = 0, verbose = FALSE, ...
    )
  }
  whole <- run()
  feedback <- reticulate::import("smartcore._feedback")
  usual <- feedback$BETWEEN_REPORTS
  feedback$BETWEEN_REPORTS <- 0
  withr::defer(feedback$BETWEEN_REPORTS <- usual)
  epochs <- integer()
  local({
    local_stand_ins(new_progress = function(...) {
      step <- function(epoch, epochs, loss) epoch == 5
      list(step = step, done = function() NULL)
    })
    how <- tryCatch(run(checkpoint = file, checkpoint.seconds = 0), interrupt = function(e) "ended")
    expect_identical(how, "ended")
  })
  expect_true(file.exists(file))
  local({
    local_stand_ins(new_progress = function(...) {
      step <- function(epoch, ...) {
        epochs <<- c(epochs, epoch)
        FALSE
      }
      list(step = step, done = function() NULL)
    })
    # Relative to R's working directory, which is not Python's.
    withr::local_dir(folder)
    again <- run(checkpoint = "state.pt")
    expect_identical(again$embedding, whole$embedding)
    expect_identical(again$history, whole$history)
  })
  expect_equal(epochs, 6:12)
  expect_false(file.exists(file))
})

test_that("the state of another training is refused, and left as it is", {
  skip_without_core()
  data <- quarters()
  file <- withr::local_tempfile()
  run <- function(...) {
    RunSMART(
      data["protein"], data$coords,
      epochs = 3, verbose = FALSE, checkpoint = file, checkpoint.seconds = 0, ...
    )
  }
  local({
    local_stand_ins(new_progress = function(...) {
      list(step = function(...) TRUE, done = function() NULL)
    })
    tryCatch(run(), interrupt = function(e) NULL)
  })
  before <- tools::md5sum(file)
  expect_error(run(seed.use = 1), "another seed", class = "smart_core_error")
  expect_identical(tools::md5sum(file), before)
})

test_that("a file that cannot be the state is refused before counts are read", {
  skip_if_not_installed("SeuratObject")
  local_stand_ins(
    collect = function(...) stop("counts were read"),
    collect_matrices = function(...) stop("counts were read")
  )
  object <- small_seurat()
  folder <- withr::local_tempdir()
  withr::local_dir(folder)
  saveRDS(1, "mine.rds")
  dir.create("here")
  expect_error(RunSMART(object, checkpoint = "mine.rds"), "mine.rds.*not the state of a training")
  expect_identical(readRDS("mine.rds"), 1)
  expect_error(RunSMART(object, checkpoint = "here"), "here.*is a folder")
  expect_error(RunSMART(object, checkpoint = "nowhere/state.pt"), "no folder.*nowhere")
  expect_error(RunSMART(object, checkpoint = 1), "checkpoint.*must be one name, not a number")
  expect_error(RunSMART(list(object, object), checkpoint = "here"), "here.*is a folder")
  expect_error(
    RunSMART(small_counts(), small_places(), checkpoint = "here"), "here.*is a folder"
  )
  withr::local_envvar(HOME = folder)
  expect_identical(
    check_checkpoint("~/state.pt"), file.path(normalizePath(path.expand("~")), "state.pt")
  )
})
