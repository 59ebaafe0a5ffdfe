cwlVersion: v1.2
class: CommandLineTool
label: Count the variants
doc: The variants come by standard input, so that no path gets into the output.
baseCommand: [bcftools, stats, "-"]
inputs:
  variants: File
stdin: $(inputs.variants.path)
stdout: joint.stats.txt
outputs:
  counts:
    type: stdout
