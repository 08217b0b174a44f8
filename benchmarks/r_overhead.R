# What R adds to the time and the memory of the Python core.
#
#     RETICULATE_PYTHON=.venv/bin/python Rscript benchmarks/r_overhead.R [RUNS [SPOTS [GENES]]]
#
# The same simulated counts (RNA, a tenth of them not zero, and 30 proteins) go through RunSMART()
# and, in r_overhead.py, through the same steps of the core; each run is a process of its own that
# has warmed up on a small problem. Time is CPU time, which other work on the machine disturbs
# least. Memory is the peak of the process above what it held before the call, when the counts were
# there already. The embeddings must be equal to the last bit.

cli_args <- commandArgs(TRUE)

# Simulated data, written as plain vectors that R and Python read at the same speed.
write_data <- function(folder, n_spots, n_genes, n_proteins = 30) {
  set.seed(1)
  side <- ceiling(sqrt(n_spots))
  coords <- as.matrix(expand.grid(x = seq_len(side), y = seq_len(side)))[seq_len(n_spots), ]
  band <- coords[, "y"] > side / 2
  rna <- Matrix::rsparsematrix(
    n_genes, n_spots, 0.1,
    rand.x = function(n) 1 + stats::rpois(n, 0.5)
  )
  # A twentieth of the genes is counted more in half of the tissue.
  spot <- rep(seq_len(n_spots), diff(rna@p))
  more <- rna@i < n_genes / 20 & band[spot]
  rna@x[more] <- rna@x[more] + 2
  protein <- matrix(
    stats::rnbinom(n_proteins * n_spots, mu = 20, size = 5), n_proteins, n_spots
  )
  protein[1:5, band] <- protein[1:5, band] * 2L
  counts <- list(rna = rna, protein = methods::as(protein, "dgCMatrix"))
  for (name in names(counts)) {
    for (part in c("i", "p", "x")) {
      con <- file(file.path(folder, paste(name, part, sep = ".")), "wb")
      writeBin(methods::slot(counts[[name]], part), con)
      close(con)
    }
  }
  con <- file(file.path(folder, "coords"), "wb")
  writeBin(as.double(coords), con)
  close(con)
  writeLines(as.character(c(n_spots, n_genes, n_proteins)), file.path(folder, "sizes"))
}

read_data <- function(folder) {
  sizes <- as.integer(readLines(file.path(folder, "sizes")))
  vector <- function(name, what) {
    path <- file.path(folder, name)
    readBin(path, what, file.size(path) / if (what == "integer") 4 else 8)
  }
  spots <- paste0("spot", seq_len(sizes[1]))
  matrix_of <- function(name, n) {
    methods::new(
      "dgCMatrix",
      i = vector(paste0(name, ".i"), "integer"), p = vector(paste0(name, ".p"), "integer"),
      x = vector(paste0(name, ".x"), "double"), Dim = c(n, sizes[1]),
      Dimnames = list(paste0(name, seq_len(n)), spots)
    )
  }
  object <- SeuratObject::CreateSeuratObject(matrix_of("rna", sizes[2]), assay = "RNA")
  object[["ADT"]] <- SeuratObject::CreateAssayObject(matrix_of("protein", sizes[3]))
  coords <- matrix(vector("coords", "double"), sizes[1], dimnames = list(spots, c("x", "y")))
  list(object = object, coords = coords)
}

memory <- function(field) {
  line <- grep(field, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("\\D", "", line)) / 1024
}

# One run: seconds and MiB.
measure <- function(folder) {
  suppressPackageStartupMessages(library(SpatialSMART))
  data <- read_data(folder)
  small <- SimulateSMART(n.rows = 12, n.cols = 12)
  RunSMART(small, epochs = 2, verbose = FALSE)
  rm(small)
  gc(full = TRUE)
  before <- memory("VmRSS")
  con <- file("/proc/self/clear_refs", "w")
  writeLines("5", con)
  close(con)
  time <- system.time(
    object <- RunSMART(data$object, coords = data$coords, seed.use = 42, verbose = FALSE)
  )
  peak <- memory("VmHWM")
  embedding <- SeuratObject::Embeddings(object, "smart")
  writeBin(as.vector(embedding), file.path(folder, "embedding_r"))
  cat(sum(time[c("user.self", "sys.self")]), time[["elapsed"]], peak - before, "\n")
}

run <- function(command, args) {
  out <- suppressWarnings(system2(command, shQuote(args), stdout = TRUE, stderr = ""))
  if (!is.null(attr(out, "status"))) stop(command, " failed")
  stats::setNames(scan(text = utils::tail(out, 1), quiet = TRUE), c("cpu", "elapsed", "memory"))
}

compare <- function(runs = 3, n_spots = 10000, n_genes = 20000) {
  # R puts its libraries there, and Python would load another libpython.
  Sys.unsetenv("LD_LIBRARY_PATH")
  script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
  python <- Sys.getenv("RETICULATE_PYTHON", "python3")
  folder <- tempfile()
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  write_data(folder, n_spots, n_genes)
  here <- list(r = NULL, python = NULL)
  for (i in seq_len(runs)) {
    here$r <- rbind(here$r, run("Rscript", c(script, "measure", folder)))
    here$python <- rbind(
      here$python, run(python, c(file.path(dirname(script), "r_overhead.py"), folder))
    )
  }
  files <- file.path(folder, c("embedding_r", "embedding_python"))
  equal <- identical(
    readBin(files[1], "double", file.size(files[1])),
    readBin(files[2], "double", file.size(files[2]))
  )
  middle <- sapply(here, function(x) apply(x, 2, stats::median))
  counts <- list.files(folder, "^(rna|protein)[.][ipx]$", full.names = TRUE)
  copy <- sum(file.size(counts)) / 2^20
  table <- data.frame(
    RunSMART = middle[, "r"], Python = middle[, "python"],
    row.names = c("CPU time, s", "elapsed time, s", "memory, MiB")
  )
  table$difference <- table$RunSMART - table$Python
  cat(
    n_spots, "spots x", n_genes, "genes + 30 proteins; medians over", runs, "run(s); one copy of the",
    "counts is", round(copy), "MiB\n"
  )
  print(round(table, 2))
  cat(sprintf(
    "R adds %.1f %% of the time and %.3f copies of the counts; embeddings equal: %s\n",
    100 * table["CPU time, s", "difference"] / table["CPU time, s", "Python"],
    table["memory, MiB", "difference"] / copy, equal
  ))
}

if (length(cli_args) && cli_args[1] == "measure") {
  measure(cli_args[2])
} else {
  do.call(compare, as.list(as.numeric(cli_args)))
}
