cwlVersion: v1.2
class: CommandLineTool
baseCommand: [bash, -c, 'if true; then cd x && align a.txt | sort > b.txt; fi']
inputs: []
outputs: []
