# Data of one's own: what lies at a path is told and checked, with settings of the set that reads it.
winnow doctor | grep -qE "^  libpng +[0-9]" || { echo "this build reads no PNG"; exit 77; }
for class in ants bees; do
    for part in train val; do
        mkdir -p photos/$part/$class
        for i in 1 2 3 4; do cp "$CASES/../pictures/$([ $class = ants ] && echo red || echo blue).png" photos/$part/$class/$i.png; done
    done
done
rm photos/val/bees/4.png
echo notes >photos/train/ants/notes.txt
for i in 1 2 3 4; do
    echo "train/ants/$i.png ants"
    echo "train/bees/$i.png bees"
done >photos/train.txt
winnow data list photos
winnow data list photos --set size=8 --set channels=1
winnow data verify photos && winnow data verify photos/train.txt
winnow data list photos/train.txt --set target=classes --set test_share=2
refuse() {
    winnow "$@" --quiet >out 2>&1
    echo "$?: $(cat out)"
}
head -c 40 photos/train/bees/2.png >cut && cat cut >photos/train/bees/2.png
refuse data verify photos
refuse data verify photos/train.txt
refuse data verify photos --set broken=skip
refuse data list photos --set sise=8
refuse data list photos --set size
refuse data list --set size=8
refuse data get photos --set size=8
refuse data list photos/train/ants/notes
refuse data list photos/train/ants/1.png
