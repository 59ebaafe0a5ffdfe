version 1.0

workflow main {
  input {
    Array[File] texts
  }
  call gather { input: texts = texts }
  output {
    File gathered = gather.gathered
  }
}

task gather {
  input {
    Array[File] texts
  }
  command <<< xargs cat < ~{write_lines(texts)} > gathered.txt >>>
  output {
    File gathered = "gathered.txt"
  }
}
