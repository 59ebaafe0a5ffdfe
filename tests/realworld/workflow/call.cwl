cwlVersion: v1.2
class: CommandLineTool
label: Call variants in all samples
doc: The ##reference line goes, for it holds the path of a temporary folder.
baseCommand: [sh, -c]
inputs:
  max_depth:
    type: int
    default: 250
    inputBinding: {position: 2}
  reference:
    type: File
    secondaryFiles: [.fai]
    inputBinding: {position: 3}
  alignments:
    type: File[]
    secondaryFiles: [.bai]
    inputBinding: {position: 4}
arguments:
  - position: 1
    valueFrom: >-
      depth=$1; reference=$2; shift 2;
      bcftools mpileup --no-version -Ou -d "$depth" -f "$reference" "$@"
      | bcftools call --no-version -mv -Ov
      | grep -v '^##reference='
  - {position: 1, valueFrom: call}
stdout: joint.vcf
outputs:
  variants:
    type: stdout
