cwlVersion: v1.2
class: CommandLineTool
baseCommand: [nice, -n, '10', align, --out=x]
arguments: [sort, {prefix: uniq, valueFrom: in.txt}]
inputs: []
outputs: []
