expect_dgc <- function(x, oracle) {
  expect_s4_class(x, "dgCMatrix")
  expect_equal(as.matrix(x), as.matrix(oracle))
}

test_that("any class of matrix becomes a dgCMatrix of the same numbers", {
  dense <- as.matrix(small_counts())
  sparse <- small_counts()
  expect_dgc(as_sparse(dense), dense)
  integers <- dense
  storage.mode(integers) <- "integer"
  expect_dgc(as_sparse(integers), dense)
  expect_dgc(as_sparse(dense > 0), 1 * (dense > 0))
  expect_dgc(as_sparse(sparse > 0), 1 * (dense > 0))
  expect_dgc(as_sparse(methods::as(sparse, "nMatrix")), 1 * (dense > 0))
  expect_dgc(as_sparse(methods::as(sparse, "TsparseMatrix")), dense)
  expect_dgc(as_sparse(methods::as(sparse, "RsparseMatrix")), dense)
  symmetric <- Matrix::crossprod(sparse)
  expect_dgc(as_sparse(symmetric), symmetric)
  expect_dgc(as_sparse(Matrix::Diagonal(3)), diag(3))
  expect_dgc(as_sparse(methods::as(dense, "dMatrix")), dense)
})

test_that("a dgCMatrix is handed through as it is", {
  x <- small_counts()
  expect_identical(as_sparse(x), x)
  assay <- SeuratObject::CreateAssayObject(x)
  expect_identical(assay_counts(assay, "RNA"), x)
})

test_that("sparse matrices are never made dense", {
  cells <- paste0("c", 1:2e5)
  x <- Matrix::sparseMatrix(
    i = rep(1:50, 4), j = 1:200, x = 1, dims = c(3e5, 2e5),
    dimnames = list(paste0("G", 1:3e5), cells)
  )
  # 480 GB if dense.
  expect_equal(sum(as_sparse(x > 0)), 200)
  expect_equal(dim(join_parts(list(counts = x), "RNA", paste0("G", 1:60))), c(60, 2e5))
})

test_that("DelayedArrays are read", {
  skip_if_not_installed("DelayedArray")
  x <- small_counts()
  delayed <- DelayedArray::DelayedArray(x) * 2
  expect_dgc(as_sparse(delayed), x * 2)
  some <- join_parts(list(counts = delayed), "RNA", c("G3", "G1"))
  expect_dgc(some, (x * 2)[c("G3", "G1"), ])
})

test_that("matrices kept on disk are subset before they are read", {
  # The class of BPCells, as far as it matters here.
  where <- environment()
  read <- new.env()
  methods::setClass("OnDisk", representation(x = "Matrix"), where = where)
  methods::setClass("IterableMatrix", contains = "OnDisk", where = where)
  methods::setMethod("dimnames", "IterableMatrix", function(x) dimnames(x@x), where = where)
  methods::setMethod("dim", "IterableMatrix", function(x) dim(x@x), where = where)
  methods::setMethod("[", "IterableMatrix", function(x, i, j, ..., drop = TRUE) {
    methods::new("IterableMatrix", x = if (missing(j)) x@x[i, ] else x@x[i, j])
  }, where = where)
  methods::setAs("IterableMatrix", "dgCMatrix", function(from) {
    read$dim <- dim(from@x)
    from@x
  }, where = where)
  local_stand_ins(check_bpcells = function() invisible())
  disk <- methods::new("IterableMatrix", x = small_counts())
  expect_dgc(join_parts(list(counts = disk), "RNA", c("G5", "G2")), small_counts()[c("G5", "G2"), ])
  expect_equal(read$dim, c(2, 12))
  methods::removeClass("IterableMatrix", where = where)
  methods::removeClass("OnDisk", where = where)
})

test_that("what is no matrix of numbers is refused", {
  expect_snapshot({
    error_message(as_sparse(data.frame(a = 1)))
    error_message(as_sparse(matrix("a")))
  })
})

test_that("features choose rows in their own order", {
  assay <- SeuratObject::CreateAssayObject(small_counts())
  expect_dgc(assay_counts(assay, "RNA", features = c("G7", "G2", "no")), small_counts()[c(7, 2), ])
  expect_snapshot(error_message(assay_counts(assay, "RNA", features = c("TP53", "MYC"))))
})

test_that("missing and empty layers are errors that list the others", {
  normalised <- SeuratObject::CreateAssayObject(data = small_counts() / 2)
  expect_snapshot({
    error_message(assay_counts(normalised, "RNA"))
    error_message(assay_counts(normalised, "RNA", layer = "raw"))
  })
  expect_equal(filled_layers(normalised), "data")
})

test_that("values that are no counts are refused unless told otherwise", {
  logged <- log1p(small_counts())
  assay <- SeuratObject::CreateAssayObject(data = logged)
  expect_snapshot(error_message(assay_counts(assay, "RNA", layer = "data")))
  expect_dgc(assay_counts(assay, "RNA", layer = "data", check.counts = FALSE), logged)
  expect_snapshot(error_message(join_parts(list(counts = -small_counts()), "RNA")))
})

test_that("ChromatinAssay and other children of Assay are read", {
  where <- environment()
  methods::setClass("ChromatinAssay", contains = "Assay", where = where)
  assay <- methods::as(SeuratObject::CreateAssayObject(small_counts()), "ChromatinAssay")
  expect_dgc(assay_counts(assay, "peaks"), small_counts())
  expect_equal(guess_kind("foo", methods::is(assay)), "chromatin")
  methods::removeClass("ChromatinAssay", where = where)
})

test_that("Assay5 is read as LayerData reads it", {
  skip_if_not(seurat_5(), "needs SeuratObject 5")
  assay <- seurat5_function("CreateAssay5Object")(small_counts())
  expect_dgc(assay_counts(assay, "RNA"), seurat5_function("LayerData")(assay, layer = "counts"))
  assay <- suppressWarnings(subset(assay, features = c("G9", "G4"), cells = c("c3", "c1")))
  expect_dgc(
    assay_counts(assay, "RNA"), seurat5_function("LayerData")(assay, layer = "counts")
  )
})

test_that("split layers come one by one, over the features they share", {
  skip_if_not(seurat_5(), "needs SeuratObject 5")
  one <- small_counts(paste0("a", 1:5), paste0("G", 1:20), 1)
  two <- small_counts(paste0("b", 1:7), paste0("G", c(30:10)), 2)
  assay <- seurat5_function("CreateAssay5Object")(list(counts.one = one, counts.two = two))
  found <- assay_counts(assay, "RNA")
  common <- intersect(rownames(one), rownames(two))
  expect_null(names(found))
  expect_dgc(found[[1]], one[rownames(found[[1]]), ])
  expect_dgc(found[[2]], two[rownames(found[[1]]), ])
  expect_identical(rownames(found[[1]]), rownames(found[[2]]))
  expect_setequal(rownames(found[[1]]), common)
  # A layer by its own name is that layer alone.
  alone <- assay_counts(assay, "RNA", layer = "counts.two")
  expect_dgc(alone, two[rownames(alone), ])
  expect_setequal(rownames(alone), rownames(two))
})

test_that("parts with common cells or without common features are errors", {
  x <- small_counts()
  expect_snapshot({
    error_message(join_parts(list(a = x, b = x), "RNA"))
    error_message(join_parts(list(rna = cbind(x, x[, 1:2])), "rna"))
    error_message(join_parts(
      list(a = x, b = small_counts(paste0("d", 1:3), paste0("H", 1:30))), "RNA"
    ))
  })
})
