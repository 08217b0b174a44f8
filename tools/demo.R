# The R way of `make demo`: a simulated Visium section, RNA and proteins, from Seurat.
folder <- commandArgs(TRUE)[1]
dir.create(folder, showWarnings = FALSE)
suppressPackageStartupMessages(library(SpatialSMART))

section <- SimulateSMART()
section <- RunSMART(section, n.clusters = nlevels(factor(section$domain)), verbose = FALSE)
show(section[["smart"]])
print(table(truth = section$domain, domain = section$smart_clusters))
png <- file.path(folder, "demo_seurat.png")
if (requireNamespace("Seurat", quietly = TRUE) && requireNamespace("ggplot2", quietly = TRUE)) {
  map <- Seurat::SpatialDimPlot(
    section,
    group.by = c("domain", "smart_clusters"), pt.size.factor = 2.2, stroke = 0.1
  )
  ggplot2::ggsave(png, map, width = 10, height = 5, dpi = 150)
  cat(png, "\n", sep = "")
}
