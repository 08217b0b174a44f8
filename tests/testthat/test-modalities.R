test_that("modalities are told from names, features and classes", {
  peaks <- paste0("chr1-", 1:50 * 1000, "-", 1:50 * 1000 + 500)
  genes <- paste0("Gene", 1:2000)
  for (name in c("RNA", "Spatial", "Spatial.008um", "SCT", "Xenium", "Nanostring", "Vizgen")) {
    expect_equal(guess_kind(name, character(), genes), "rna", info = name)
  }
  for (name in c("ADT", "Protein", "prot", "AB", "CITE", "Antibody Capture", "adt.raw")) {
    expect_equal(guess_kind(name, character(), paste0("CD", 1:30)), "protein", info = name)
  }
  for (name in c("ATAC", "peaks", "H3K27ac", "H3K27me3", "CUTandTag", "cuttag")) {
    expect_equal(guess_kind(name, character(), genes), "chromatin", info = name)
  }
  expect_equal(guess_kind("foo", character(), peaks), "chromatin")
  expect_equal(guess_kind("Spatial", character(), sub("-", ":", peaks)), "chromatin")
  expect_equal(guess_kind("foo", "ChromatinAssay", genes), "chromatin")
  expect_equal(guess_kind("foo", "SCTAssay", "a"), "rna")
  expect_equal(guess_kind("foo", character(), genes), "rna")
  expect_equal(guess_kind("foo", character(), sprintf("ENSMUSG%011d", 1:20)), "rna")
  expect_equal(guess_kind("foo", character(), paste0("CD", 1:30)), NA_character_)
})

describe_as <- function(...) {
  known <- list(...)
  function(name) known[[name]] %||% list(classes = character(), features = character())
}

test_that("one assay for each modality is chosen, first-hand ones before derived ones", {
  sct <- describe_as(SCT = list(classes = "SCTAssay", features = character()))
  yes <- function(assay) TRUE
  choose <- function(there, default = there[1], describe = sct, modalities = NULL, filled = yes) {
    choose_assays(there, default, describe, modalities, filled)
  }
  expect_equal(choose(c("Spatial", "SCT", "ADT")), c("Spatial", "ADT"))
  expect_equal(choose(c("SCT", "ADT")), c("SCT", "ADT"))
  expect_equal(choose(c("ADT", "RNA", "integrated", "HTO", "predictions")), c("ADT", "RNA"))
  expect_equal(choose(c("RNA", "Spatial"), "Spatial"), "Spatial")
  expect_equal(choose("anything"), "anything")
  expect_equal(choose(c("RNA", "ADT"), filled = function(assay) assay == "ADT"), "ADT")
  expect_equal(choose(c("RNA", "foo"), modalities = c(foo = "protein")), "foo")
  expect_snapshot({
    error_message(choose(c("ADT", "RNA", "Spatial")))
    error_message(choose(c("foo", "bar")))
    error_message(choose(c("RNA", "ADT"), filled = function(assay) FALSE))
  })
})

test_that("modalities can be given, all or some", {
  expect_equal(match_modalities(c("a", "b"), c("rna", "protein")), c("rna", "protein"))
  expect_equal(match_modalities(c("a", "b"), c(b = "protein")), c(NA, "protein"))
  expect_equal(match_modalities(c("a", "b"), list(b = "protein", a = "rna")), c("rna", "protein"))
  expect_equal(match_modalities(c(rna = "a", mine = "b"), NULL), c("rna", NA))
  expect_snapshot({
    error_message(match_modalities(c("a", "b"), "rna"))
    error_message(match_modalities(c("a", "b"), c("rna", "proteins")))
    error_message(match_modalities(c("a", "b"), c(d = "rna")))
    error_message(match_modalities("a", 1))
  })
})

test_that("modalities are called by the user's names, their kinds, or their assays", {
  expect_equal(name_modalities(c("Spatial", "ADT"), c("rna", "protein")), c("rna", "protein"))
  expect_equal(
    name_modalities(c("RNA", "H3K27ac", "H3K4me3"), c("rna", "chromatin", "chromatin")),
    c("rna", "H3K27ac", "H3K4me3")
  )
  expect_equal(name_modalities(c(x = "RNA", y = "ADT"), c("rna", "protein")), c("x", "y"))
})

test_that("what was guessed is said, and can be given", {
  skip_if_not_installed("Seurat")
  local_fake_core()
  object <- SimulateSMART(n.rows = 4, n.cols = 4)
  expect_message(RunSMART(object), "Spatial (rna) and ADT (protein)", fixed = TRUE)
  expect_silent(RunSMART(object, verbose = FALSE))
  said <- RunSMART(object, modalities = c(ADT = "chromatin", Spatial = "rna"), verbose = FALSE)
  expect_equal(
    SeuratObject::Misc(said[["smart"]])$modalities[c("modality", "assay")],
    data.frame(modality = c("chromatin", "rna"), assay = c("ADT", "Spatial"))
  )
  odd <- small_seurat(assay = "foo")
  odd$x <- odd$y <- 1:12
  expect_snapshot({
    error_message(RunSMART(odd))
    error_message(RunSMART(object, modalities = c(ADT = "proteins")))
  })
})
