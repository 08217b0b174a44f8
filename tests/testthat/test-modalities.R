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

# A reader of assays of these names, which hold the layers named: "counts" where none are.
reader_of_assays <- function(there, default = there[1], sct = character(), layers = list(),
                             types = list()) {
  layers_of <- function(name) layers[[name]] %||% "counts"
  list(
    assays = there, default = default,
    describe = function(name) {
      list(classes = if (name %in% sct) "SCTAssay" else character(), features = character())
    },
    is_filled = function(name, layer) layer %in% layers_of(name),
    layers = layers_of,
    types = function(name, layer) types[[name]]
  )
}

test_that("one assay for each modality is chosen, first-hand ones before derived ones", {
  choose <- function(there, ..., modalities = NULL, layer = "counts") {
    choose_assays(reader_of_assays(there, ...), modalities, layer)
  }
  expect_equal(choose(c("Spatial", "SCT", "ADT"), sct = "SCT"), c("Spatial", "ADT"))
  expect_equal(choose(c("SCT", "ADT"), sct = "SCT"), c("SCT", "ADT"))
  expect_equal(choose(c("ADT", "RNA", "integrated", "HTO", "predictions")), c("ADT", "RNA"))
  expect_equal(choose(c("RNA", "Spatial"), default = "Spatial"), "Spatial")
  expect_equal(choose("anything"), "anything")
  expect_equal(choose(c("RNA", "foo"), modalities = c(foo = "protein")), "foo")
  # One that holds a modality alone goes before one that holds several.
  both <- list(Spatial = c("Gene Expression", "Antibody Capture"))
  expect_equal(choose(c("Spatial", "HTO"), types = both), "Spatial")
  expect_equal(choose(c("Spatial", "ADT"), types = both), c("Spatial", "ADT"))
  expect_snapshot({
    error_message(choose(c("ADT", "RNA", "Spatial")))
    error_message(choose(c("foo", "bar")))
  })
})

test_that("a modality whose assay has no raw counts is not left out in silence", {
  choose <- function(there, layers, ...) choose_assays(reader_of_assays(there, layers = layers, ...))
  expect_snapshot({
    error_message(choose(c("RNA", "ADT"), list(RNA = "data")))
    error_message(choose(c("RNA", "ADT", "peaks"), list(RNA = c("raw", "data"))))
    error_message(choose(c("RNA", "ADT"), list(RNA = "data", ADT = character())))
  })
  # Another assay covers it, or it is no modality.
  expect_equal(choose(c("RNA", "Spatial", "ADT"), list(Spatial = "data")), c("RNA", "ADT"))
  expect_equal(choose(c("RNA", "SCT", "ADT"), list(RNA = "data"), sct = "SCT"), c("SCT", "ADT"))
  expect_equal(
    choose(c("RNA", "integrated", "chromvar", "foo"), list(integrated = "data", foo = "data")), "RNA"
  )
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
