# Simulated spots as a Seurat object with an image.

simulated_seurat <- function(spots, counts) {
  rlang::check_installed("Seurat", "for images of Visium's classes.")
  object <- SeuratObject::CreateSeuratObject(
    counts$Spatial,
    assay = "Spatial", project = "SimulateSMART", meta.data = spots[c("section", "domain")]
  )
  object[["ADT"]] <- SeuratObject::CreateAssayObject(counts = counts$ADT)
  for (section in unique(spots$section)) {
    object[[section]] <- visium_image(spots[spots$section == section, ], section)
  }
  object
}

# Of the pictures of a slide: pixels, and scales against the full resolution.
simulated_factors <- list(spot = 55, fiducial = 90, hires = 0.3, lowres = 0.1)

# An image as Seurat's reader of a Visium slide would make it.
visium_image <- function(spots, name) {
  factors <- do.call(Seurat::scalefactors, simulated_factors)
  picture <- tissue_picture(spots, factors$lowres)
  if (!has_seurat5()) {
    return(methods::new(
      "VisiumV1",
      image = picture,
      scale.factors = factors,
      coordinates = data.frame(
        tissue = 1L, row = spots$row, col = spots$col, imagerow = spots$y, imagecol = spots$x,
        row.names = rownames(spots)
      ),
      spot.radius = factors$spot * factors$lowres / max(dim(picture)),
      assay = "Spatial",
      key = paste0(name, "_")
    ))
  }
  # The order of the axes was changed in Seurat 5.4, which has a slot that says so.
  newer <- "coords_x_orientation" %in% methods::slotNames("VisiumV2")
  axes <- if (newer) c("x", "y") else c("y", "x")
  field <- SeuratObject::CreateFOV(
    stats::setNames(spots[axes], c("x", "y")),
    type = "centroids", radius = factors$spot, assay = "Spatial", key = paste0(name, "_")
  )
  slots <- list(
    Class = "VisiumV2",
    boundaries = methods::slot(field, "boundaries"),
    molecules = methods::slot(field, "molecules"),
    assay = "Spatial",
    key = paste0(name, "_"),
    image = picture,
    scale.factors = factors
  )
  if (newer) slots$coords_x_orientation <- "horizontal"
  do.call(methods::new, slots)
}

# Stained tissue, roughly: a tint for each domain around its spots.
tissue_picture <- function(spots, scale) {
  tints <- rbind(
    core = c(0.72, 0.58, 0.78), rim = c(0.86, 0.70, 0.83), left = c(0.93, 0.83, 0.90),
    right = c(0.90, 0.80, 0.88)
  )
  height <- ceiling((max(spots$y) + 100) * scale)
  width <- ceiling((max(spots$x) + 100) * scale)
  picture <- array(0.96, c(height, width, 3))
  at <- expand.grid(row = seq_len(height), col = seq_len(width))
  half <- 60 * scale
  for (i in seq_len(nrow(spots))) {
    rows <- seq(max(1, round(spots$y[i] * scale - half)), round(spots$y[i] * scale + half))
    cols <- seq(max(1, round(spots$x[i] * scale - half)), round(spots$x[i] * scale + half))
    for (channel in 1:3) {
      picture[rows, cols, channel] <- tints[as.character(spots$domain[i]), channel]
    }
  }
  picture
}
